//! What a subscriber finds while a line is written.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use tower::{Layer as _, ServiceExt, service_fn};
use tracing::{Event, Subscriber, subscriber::set_default};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt},
};

use super::AccessLogLayer;
use crate::exchange::with_current;

/// Keeps the user of the exchange that is current at each event.
#[derive(Clone, Default)]
struct Users(Arc<Mutex<Vec<Option<Arc<str>>>>>);

impl<S: Subscriber> Layer<S> for Users {
    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        let current =
            with_current(|context| context.exchange().heard(|words| words.user_id.clone()));
        self.0.lock().unwrap().push(current.flatten().flatten());
    }
}

/// The exchange is current, so that the ids of every line are those of this one, and is no longer
/// so afterwards.
#[tokio::test]
async fn the_exchange_is_current_while_its_line_is_written() {
    let users = Users::default();
    let _guard = set_default(Registry::default().with(users.clone()));
    let layer = AccessLogLayer::new().user_id(|_| Some("ada"));
    for media_type in ["application/json", "text/event-stream"] {
        for reads in [true, false] {
            let service = layer.layer(service_fn(|_| async {
                let response = Response::builder().header("content-type", media_type);
                Ok::<_, Infallible>(response.body(Full::<Bytes>::from("{}")).unwrap())
            }));
            let request = Request::get("/").body(Full::<Bytes>::default()).unwrap();
            let Ok(response) = service.oneshot(request).await;
            if reads {
                response.into_body().collect().await.unwrap();
            } else {
                drop(response);
            }
            let lines = std::mem::take(&mut *users.0.lock().unwrap());
            let of_stream = usize::from(media_type == "text/event-stream");
            assert_eq!(lines.len(), 1 + of_stream, "{media_type}, read: {reads}");
            assert!(lines.iter().all(|user| user.as_deref() == Some("ada")), "{lines:?}");
            assert!(with_current(|_| ()).is_none(), "not after the line");
        }
    }
}
