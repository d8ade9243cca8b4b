//! Bugs that were there once, each in a file of its own.

mod body_kept_alive;
mod body_of_another_type;
mod error_that_is_no_answer;
mod frames_without_data;
mod handler_dropped_with_its_call;
mod result_of_a_failed_request;
mod scrape_in_flight;
