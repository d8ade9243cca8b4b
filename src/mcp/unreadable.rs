//! Why a body cannot be read.

/// Why a body, or one event of a stream, gives no facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Unreadable {
    /// There is nothing but white space.
    Empty,
    /// It is not JSON.
    Syntax,
    /// A string that had to be read is not UTF-8.
    Utf8,
    /// More than white space follows the document.
    Trailing,
    /// It ends before the document does.
    Truncated,
    /// It begins as JSON, but as neither an object nor an array, or it is an empty array.
    NotJsonRpc,
}
