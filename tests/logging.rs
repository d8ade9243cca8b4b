//! Logging of a whole process: what `init` sets, and what happens to lines within lines.
//!
//! A process of its own, since it sets the global subscriber, and one more for each test, since
//! that can be set only once.

use std::{
    any::type_name,
    env,
    error::Error,
    ffi::OsStr,
    fmt, io,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use mcp_telemetry::logging::{self, InitError};
use serde_json::Value;
use tracing::{Level, debug, info, level_filters::LevelFilter, warn};
use tracing_log::log;
use tracing_subscriber::{Registry, filter::EnvFilter, layer::SubscriberExt};

#[test]
fn init_writes_events_and_log_records_as_json_from_info_on() {
    let Some(lines) =
        Process::of(init_writes_events_and_log_records_as_json_from_info_on).run(|| {
            logging::init().unwrap();
            info!(target: "mcp_gateway.http", n = 1, "an event");
            log::warn!(target: "old_library", "a {}", "record");
            debug!("too fine");
            log::debug!("too fine");
        })
    else {
        return;
    };
    let [event, record] = parsed(&lines).try_into().unwrap();
    assert_eq!((&event["logger"], &event["level"]), (&"mcp_gateway.http".into(), &"INFO".into()));
    assert_eq!((&event["message"], &event["extra"]["n"]), (&"an event".into(), &1.into()));

    assert_eq!((&record["logger"], &record["level"]), (&"old_library".into(), &"WARN".into()));
    assert_eq!(record["message"], "a record");
    assert_eq!(record["location"]["file"], "logging.rs");
    assert_eq!(record["location"]["function"], "logging");
    assert_eq!(record.get("extra"), None, "where a record comes from is no field of it");
}

#[test]
fn the_environment_says_level_and_format() {
    let process = Process::of(the_environment_says_level_and_format)
        .env("RUST_LOG", "warn, chatty=debug")
        .env("LOG_FORMAT", "text");
    let Some(lines) = process.run(|| {
        logging::init().unwrap();
        info!("left out");
        debug!(target: "chatty", "detail");
        log::debug!(target: "chatty", "record");
    }) else {
        return;
    };
    let behind_time: Vec<_> = lines.iter().filter_map(|line| line.split_once("Z - ")).collect();
    assert_eq!(behind_time.len(), 2, "{lines:?}");
    assert_eq!(behind_time[0].1, "chatty - DEBUG - detail");
    assert_eq!(behind_time[1].1, "chatty - DEBUG - record");
}

#[test]
fn what_the_program_says_goes_before_the_environment() {
    let process = Process::of(what_the_program_says_goes_before_the_environment)
        .env("RUST_LOG", "not=a=level")
        .env("LOG_FORMAT", "xml");
    let Some(lines) = process.run(|| {
        let builder =
            logging::builder().level(Level::WARN).logger("mcp_gateway.http", Level::DEBUG);
        builder.logger("noisy", LevelFilter::OFF).json(true).max_line_bytes(2048).init().unwrap();
        info!("left out");
        warn!(target: "noisy", "left out");
        debug!(target: "mcp_gateway.http", long = "x".repeat(10_000), "kept");
    }) else {
        return;
    };
    let [line] = parsed(&lines).try_into().unwrap();
    assert_eq!((&line["message"], &line["truncated"]), (&"kept".into(), &true.into()));
}

#[test]
fn a_variable_that_is_set_to_nothing_counts_as_unset() {
    let process = Process::of(a_variable_that_is_set_to_nothing_counts_as_unset)
        .env("RUST_LOG", "")
        .env("LOG_FORMAT", "");
    let Some(lines) = process.run(|| {
        logging::init().unwrap();
        info!("kept");
        debug!("left out");
    }) else {
        return;
    };
    assert_eq!(parsed(&lines).len(), 1);
}

/// T44: what stands in an environment variable may be a secret, if in the wrong one.
#[test]
fn an_invalid_variable_is_named_without_its_value() {
    for (variable, value) in [
        ("RUST_LOG", "hyper=hunter2"),
        ("RUST_LOG", "hyper=info,\u{3000}hunter2=[hunter2"),
        ("RUST_LOG", "[{hunter2=(}]"),
        ("LOG_FORMAT", "hunter2"),
        ("LOG_FORMAT", "JSON"),
    ] {
        let process =
            Process::of(an_invalid_variable_is_named_without_its_value).env(variable, value);
        let Some(lines) = process.run(|| {
            let error = logging::init().unwrap_err();
            let invalid_level = env::var_os("RUST_LOG").is_some();
            assert_eq!(error.is_invalid_level(), invalid_level);
            assert_eq!(error.is_invalid_format(), !invalid_level);
            let name = if invalid_level { "RUST_LOG" } else { "LOG_FORMAT" };
            assert!(error.to_string().contains(name), "{error}");
            assert!(!chain(&error).contains("hunter2"), "{}", chain(&error));

            logging::builder().level(Level::INFO).json(true).init().unwrap();
            info!("the call that failed has set nothing");
        }) else {
            return;
        };
        assert_eq!(parsed(&lines).len(), 1);
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_unicode_is_invalid() {
    use std::os::unix::ffi::OsStrExt;
    for variable in ["RUST_LOG", "LOG_FORMAT"] {
        let process = Process::of(a_variable_that_is_not_unicode_is_invalid)
            .env(variable, OsStr::from_bytes(b"json\xff"));
        let Some(_) = process.run(|| {
            let error = logging::init().unwrap_err();
            assert!(error.is_invalid_level() || error.is_invalid_format());
        }) else {
            return;
        };
    }
}

#[test]
fn init_twice_is_an_error_that_says_so() {
    let Some(lines) = Process::of(init_twice_is_an_error_that_says_so).run(|| {
        logging::init().unwrap();
        let error = logging::init().unwrap_err();
        assert!(error.is_repeated() && !error.is_already_set());
        assert_eq!(error.to_string(), "logging is initialized already");
        info!("written once");
    }) else {
        return;
    };
    assert_eq!(parsed(&lines).len(), 1);
}

#[test]
fn a_subscriber_that_is_set_already_is_left_there() {
    let Some(lines) = Process::of(a_subscriber_that_is_set_already_is_left_there).run(|| {
        let theirs = logging::TextLayer::new().with_writer(io::stdout);
        tracing::subscriber::set_global_default(Registry::default().with(theirs)).unwrap();
        let error = logging::init().unwrap_err();
        assert!(error.is_already_set() && !error.is_repeated());
        assert_eq!(error.to_string(), "a subscriber for `tracing` is set already");
        info!("theirs");
        assert_eq!(log::max_level(), log::LevelFilter::Off, "no logger was set");
    }) else {
        return;
    };
    assert!(lines.iter().any(|line| line.ends_with("theirs")), "{lines:?}");
    assert!(parsed(&lines).is_empty());
}

#[test]
fn a_logger_that_is_set_already_is_left_there() {
    let Some(lines) = Process::of(a_logger_that_is_set_already_is_left_there).run(|| {
        struct Theirs;
        impl log::Log for Theirs {
            fn enabled(&self, _: &log::Metadata<'_>) -> bool {
                true
            }
            fn log(&self, _: &log::Record<'_>) {}
            fn flush(&self) {}
        }
        log::set_logger(&Theirs).unwrap();
        let error = logging::init().unwrap_err();
        assert!(error.is_already_set());
        assert_eq!(error.to_string(), "a logger for the `log` crate is set already");
        info!("nobody subscribes");
    }) else {
        return;
    };
    assert!(parsed(&lines).is_empty());
}

#[test]
fn a_name_that_no_logger_has_is_an_error() {
    let _ = Process::of(a_name_that_no_logger_has_is_an_error).run(|| {
        for name in ["", "a,b", "a[span]", "a=b", "two words", ".hidden"] {
            let error = logging::builder().logger(name, Level::INFO).init().unwrap_err();
            assert!(error.is_invalid_logger(), "{name:?}");
        }
    });
}

/// The two lines do not share a buffer.
#[test]
fn a_value_that_logs_while_it_is_formatted_makes_a_line_of_its_own() {
    struct Chatty;
    impl fmt::Debug for Chatty {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            info!("inner");
            f.write_str("chatty")
        }
    }
    let process = Process::of(a_value_that_logs_while_it_is_formatted_makes_a_line_of_its_own);
    let Some(lines) = process.run(|| {
        logging::init().unwrap();
        info!(before = 1, value = ?Chatty, after = 2, "outer");
        assert_eq!(logging::lost_lines(), 0);
    }) else {
        return;
    };
    let [inner, outer] = parsed(&lines).try_into().unwrap();
    assert_eq!((&inner["message"], &outer["message"]), (&"inner".into(), &"outer".into()));
    assert_eq!(outer["extra"]["value"], "chatty");
    assert_eq!(outer["extra"]["after"], 2);
}

#[test]
fn a_value_that_logs_itself_comes_to_an_end() {
    struct Mirror;
    impl fmt::Debug for Mirror {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            info!(mirror = ?Self, "in the mirror");
            f.write_str("mirror")
        }
    }
    let Some(lines) = Process::of(a_value_that_logs_itself_comes_to_an_end).run(|| {
        logging::init().unwrap();
        info!(mirror = ?Mirror, "in the room");
        assert_eq!(logging::lost_lines(), 1);
        info!("no mirror");
        assert_eq!(logging::lost_lines(), 1, "the thread is free to log again");
    }) else {
        return;
    };
    let messages: Vec<_> = parsed(&lines).iter().map(|line| line["message"].to_string()).collect();
    let (mirrored, rest) = messages.split_at(messages.len() - 2);
    assert!(!mirrored.is_empty() && mirrored.iter().all(|line| line.contains("in the mirror")));
    assert!(rest[0].contains("in the room") && rest[1].contains("no mirror"));
}

#[test]
fn a_line_that_cannot_be_written_is_counted() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            CALLS.fetch_add(1, Ordering::Relaxed);
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let _ = Process::of(a_line_that_cannot_be_written_is_counted).run(|| {
        logging::builder().with_writer(|| Full).init().unwrap();
        info!("lost");
        info!("lost too");
        assert_eq!((logging::lost_lines(), CALLS.load(Ordering::Relaxed)), (2, 2));
    });
}

#[test]
fn a_writer_that_logs_does_not_log_for_ever() {
    static WRITTEN: Mutex<Vec<String>> = Mutex::new(Vec::new());
    struct Talkative;
    impl io::Write for Talkative {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            warn!("writing");
            WRITTEN.lock().unwrap().push(String::from_utf8_lossy(bytes).into_owned());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let _ = Process::of(a_writer_that_logs_does_not_log_for_ever).run(|| {
        logging::builder().with_writer(|| Talkative).init().unwrap();
        info!("one");
        info!("two");
        assert_eq!(logging::lost_lines(), 2);
        let written = WRITTEN.lock().unwrap();
        assert_eq!(written.len(), 2);
        assert!(written[0].contains("one") && written[1].contains("two"), "{written:?}");
    });
}

#[test]
fn a_thread_can_log_until_its_very_end() {
    struct Farewell;
    impl Drop for Farewell {
        fn drop(&mut self) {
            let _entered = logging::context(Some("late"), None, &[]).enter();
            info!("farewell");
        }
    }
    thread_local! {
        static FIRST_IN_LAST_OUT: Farewell = const { Farewell };
    }
    let Some(lines) = Process::of(a_thread_can_log_until_its_very_end).run(|| {
        logging::init().unwrap();
        let thread = thread::spawn(|| {
            FIRST_IN_LAST_OUT.with(|_| {});
            let _entered = logging::context(Some("early"), None, &[]).enter();
            info!("greeting");
        });
        thread.join().unwrap();
    }) else {
        return;
    };
    let messages: Vec<_> = parsed(&lines).iter().map(|line| line["message"].clone()).collect();
    assert_eq!(messages, ["greeting", "farewell"]);
}

/// A program that puts its own subscriber together needs no `init`.
#[test]
fn the_layers_fit_into_any_subscriber() {
    fn check(subscriber: impl tracing::Subscriber + Send + Sync) {
        tracing::subscriber::with_default(subscriber, || info!("composed"));
    }
    let json = logging::JsonLayer::new().with_writer(io::sink);
    let text = logging::TextLayer::default().with_writer(io::sink).max_line_bytes(4096);
    check(Registry::default().with(EnvFilter::new("info")).with(json.clone()).with(text));
    check(tracing_subscriber::fmt().with_writer(io::sink).finish().with(json));
}

/// A process of one test's own.
struct Process(Command);

impl Process {
    fn of(test: impl Fn()) -> Self {
        let mut command = Command::new(env::current_exe().expect("tests have a path"));
        command
            .args(["--exact", name_of(&test), "--nocapture", "--test-threads=2"])
            .env_remove("RUST_LOG")
            .env_remove("LOG_FORMAT")
            .env(Self::MARK, "");
        Self(command)
    }

    fn env(mut self, variable: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(variable, value);
        self
    }

    /// The lines that `work` wrote to standard output there. That process runs the test again, and
    /// there gets `None` once it has done `work`.
    fn run(mut self, work: impl FnOnce()) -> Option<Vec<String>> {
        if env::var_os(Self::MARK).is_some() {
            work();
            return None;
        }
        let output = self.0.output().expect("a test can be run");
        let stdout = String::from_utf8(output.stdout).expect("lines are UTF-8");
        let passed = output.status.success() && stdout.contains("1 passed");
        assert!(passed, "{stdout}{}", String::from_utf8_lossy(&output.stderr));
        Some(stdout.lines().map(str::to_owned).collect())
    }

    const MARK: &str = "MCP_TELEMETRY_TEST_PROCESS";
}

fn name_of<T>(_: &T) -> &'static str {
    type_name::<T>().rsplit("::").next().unwrap_or_default()
}

/// The lines of JSON among those of the test's runner.
fn parsed(lines: &[String]) -> Vec<Value> {
    let documents =
        lines.iter().filter_map(|line| line.find(r#"{"timestamp""#).map(|at| &line[at..]));
    documents.map(|line| serde_json::from_str(line).expect(line)).collect()
}

fn chain(error: &InitError) -> String {
    let mut causes = vec![error.to_string(), format!("{error:?}")];
    let mut source = error.source();
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    causes.join(": ")
}
