//! Each small example starts, and answers the request in its head comment as the comment says.

#![allow(clippy::unwrap_used, reason = "what cannot go on in a test has failed it")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

/// A running example, ended by its own id.
struct Example {
    process: Child,
    address: String,
    output: BufReader<std::process::ChildStdout>,
}

impl Example {
    fn start(name: &str) -> Self {
        // The tests are in `deps`, the examples beside it.
        let tests = std::env::current_exe().unwrap();
        let folder: PathBuf = tests.ancestors().nth(2).unwrap().join("examples");
        let mut process = Command::new(folder.join(name))
            .arg("127.0.0.1:0")
            .env_remove("RUST_LOG")
            .env_remove("LOG_FORMAT")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the examples are built: `cargo build --examples --all-features`");
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap().to_owned();
        Self { process, address, output }
    }

    /// The next line that it logs.
    fn line(&mut self) -> serde_json::Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    /// The next access line.
    fn access_line(&mut self) -> serde_json::Value {
        loop {
            let line = self.line();
            if line["logger"] == "mcp_telemetry::access" {
                return line;
            }
        }
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The blocks of text in the head comment of an example.
fn comment_blocks(name: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    let source = std::fs::read_to_string(path.with_extension("rs")).unwrap();
    let comment: Vec<_> = source
        .lines()
        .take_while(|line| line.starts_with("//!"))
        .map(|line| line.trim_start_matches("//!").trim_start())
        .collect();
    let comment = comment.join("\n");
    comment.split("```").skip(1).step_by(2).map(|text| text["text\n".len()..].to_owned()).collect()
}

/// Sends the request that the comment has `curl` send, and checks it against the answer there.
fn answers_as_its_comment_says(name: &str) -> (Example, String) {
    let blocks = comment_blocks(name);
    let [start, request, answer] = &blocks[..] else { panic!("{name}: {blocks:?}") };
    assert_eq!(start.trim(), format!("cargo run --example {name}"));
    let quoted: Vec<_> = request.split('\'').collect();
    let [_, header, _, body, _] = quoted[..] else { panic!("{name}: {request}") };
    assert!(request.starts_with("curl -s http://127.0.0.1:3000/mcp -H "), "{name}: {request}");

    let example = Example::start(name);
    let mut stream = TcpStream::connect(&example.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(
        stream,
        "POST /mcp HTTP/1.1\r\nhost: {}\r\n{header}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        example.address,
        body.len(),
    )
    .unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{name}: {response}");
    assert_eq!(body.trim(), answer.trim(), "{name}");
    let id = head.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap().to_owned();
    (example, id)
}

#[test]
fn axum_example_answers_and_its_lines_carry_the_ids_of_the_call() {
    let (mut example, id) = answers_as_its_comment_says("axum");
    let greeting = example.line();
    assert_eq!(greeting["message"], "greeting");
    let access = example.access_line();
    for line in [&greeting, &access] {
        assert_eq!(line["request_id"], *id);
        assert_eq!(line["trace_id"], access["trace_id"]);
        assert_eq!(line["span_id"], access["span_id"]);
    }
    assert_eq!(access["extra"]["outcome"], "success");
    assert_eq!(access["extra"]["tool"], "greet");
}

#[test]
fn hyper_example_answers_and_its_line_has_the_id_of_the_response() {
    let (mut example, id) = answers_as_its_comment_says("hyper");
    assert_eq!(example.access_line()["request_id"], *id);
}

#[test]
fn single_layers_answer_and_tell_the_failure_of_the_tool() {
    let (mut example, id) = answers_as_its_comment_says("layers_one_by_one");
    let line = example.access_line();
    assert_eq!(line["request_id"], *id, "the layers find each other");
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["extra"]["outcome"], "tool_error");
    assert!(line["trace_id"].is_string() && line["span_id"].is_string(), "{line}");
}

#[tokio::test]
async fn tonic_example_answers_and_its_line_names_the_method() {
    let blocks = comment_blocks("tonic");
    assert!(blocks[1].contains("grpc.health.v1.Health/Check"), "{blocks:?}");
    let mut example = Example::start("tonic");
    let endpoint = tonic::transport::Endpoint::new(format!("http://{}", example.address)).unwrap();
    let mut client = HealthClient::new(endpoint.connect().await.unwrap());
    let answer = client.check(HealthCheckRequest { service: String::new() }).await.unwrap();
    let status = ServingStatus::try_from(answer.get_ref().status).unwrap();
    assert!(blocks[2].contains(status.as_str_name()), "{status:?}");
    let line = example.access_line();
    let message = line["message"].as_str().unwrap();
    assert!(message.starts_with("POST /grpc.health.v1.Health/Check - 200 - "), "{message}");
}
