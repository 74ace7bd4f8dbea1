//! Splits a JSON array that comes in pieces into its items, holding one of them at a time.

/// The longest item, in bytes.
pub const LONGEST_ITEM: usize = 1024 * 1024;

/// The text is not a JSON array, or an item is too long. Says nothing more: the file may hold
/// secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a JSON array of short items")]
pub struct Malformed;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before `[`.
    Start,
    /// After `[`, where `]` may follow.
    First,
    /// After `,`.
    Next,
    /// In an item, this deep in arrays and objects.
    Item(usize),
    /// In a string of an item.
    Text(usize),
    /// After a backslash in a string.
    Escape(usize),
    /// After an array, an object or a string at the root of an item.
    After,
    /// After `]`.
    End,
}

/// Splits one array. Items are cut where the brackets say so; whether each is JSON is for who reads
/// it to see.
pub struct Items {
    place: Place,
    item: Vec<u8>,
    mark: usize,
}

impl Default for Items {
    fn default() -> Self {
        Self { place: Place::Start, item: Vec::new(), mark: 0 }
    }
}

impl Items {
    /// Reads the next piece, and calls `found` with each item that is complete.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn read(&mut self, piece: &[u8], mut found: impl FnMut(&[u8])) -> Result<(), Malformed> {
        for byte in piece {
            if self.step(*byte)? {
                found(&self.item);
                self.item.clear();
            }
        }
        Ok(())
    }

    /// At the end of the text.
    ///
    /// # Errors
    /// [`Malformed`] when the array is not complete.
    pub fn finish(&self) -> Result<(), Malformed> {
        if self.place == Place::End { Ok(()) } else { Err(Malformed) }
    }

    /// Takes one byte. `true` when it ends an item.
    fn step(&mut self, byte: u8) -> Result<bool, Malformed> {
        /// Some editors begin a file with it.
        const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
        let is_blank = matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        match self.place {
            Place::Start if self.mark < 3 && byte == BYTE_ORDER_MARK[self.mark] => self.mark += 1,
            Place::Start if is_blank => {}
            Place::Start if byte == b'[' && self.mark.is_multiple_of(3) => {
                self.place = Place::First
            }
            Place::First | Place::Next if is_blank => {}
            Place::First if byte == b']' => self.place = Place::End,
            Place::First | Place::Next => {
                self.place = Place::Item(0);
                return self.in_item(byte, 0);
            }
            Place::Item(depth) => return self.in_item(byte, depth),
            Place::Text(depth) => {
                self.keep(byte)?;
                self.place = match byte {
                    b'\\' => Place::Escape(depth),
                    b'"' if depth == 0 => Place::After,
                    b'"' => Place::Item(depth),
                    _ => Place::Text(depth),
                };
            }
            Place::Escape(depth) => {
                self.keep(byte)?;
                self.place = Place::Text(depth);
            }
            Place::After if is_blank => {}
            Place::After => return self.end_item(byte),
            Place::End if is_blank => {}
            Place::Start | Place::End => return Err(Malformed),
        }
        Ok(false)
    }

    fn in_item(&mut self, byte: u8, depth: usize) -> Result<bool, Malformed> {
        if depth == 0 && matches!(byte, b',' | b']') {
            return self.end_item(byte);
        }
        self.keep(byte)?;
        self.place = match byte {
            b'"' => Place::Text(depth),
            b'{' | b'[' => Place::Item(depth + 1),
            b'}' | b']' if depth == 1 => Place::After,
            b'}' | b']' => Place::Item(depth.checked_sub(1).ok_or(Malformed)?),
            _ => Place::Item(depth),
        };
        Ok(false)
    }

    fn end_item(&mut self, byte: u8) -> Result<bool, Malformed> {
        self.place = match byte {
            b',' => Place::Next,
            b']' => Place::End,
            _ => return Err(Malformed),
        };
        if self.item.is_empty() { Err(Malformed) } else { Ok(true) }
    }

    fn keep(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.item.len() >= LONGEST_ITEM {
            return Err(Malformed);
        }
        self.item.push(byte);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str, length: usize) -> Result<Vec<String>, Malformed> {
        let (mut items, mut found) = (Items::default(), Vec::new());
        for piece in text.as_bytes().chunks(length) {
            items.read(piece, |item| found.push(String::from_utf8(item.to_vec()).unwrap()))?;
        }
        items.finish().map(|()| found)
    }

    #[test]
    fn an_array_is_split_wherever_the_pieces_end() {
        let text = "\u{feff} [ {\"a\":\"},]\\\"{\"} ,\n[1,[2]], \"x,y\" ,5 , {\"ü\":{}}\t] \n";
        let expected = ["{\"a\":\"},]\\\"{\"}", "[1,[2]]", "\"x,y\"", "5 ", "{\"ü\":{}}"];
        for length in [1, 2, 3, 7, 1000] {
            assert_eq!(split(text, length).unwrap(), expected, "{length}");
        }
        assert_eq!(split("[]", 1).unwrap(), Vec::<String>::new());
        assert_eq!(split(" [ ] ", 9).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_is_no_array_is_refused() {
        for bad in [
            "",
            " ",
            "{}",
            "null",
            "[",
            "[1",
            "[1,",
            "[,]",
            "[1,,2]",
            "[1]]",
            "[1]x",
            "x[1]",
            "[{}",
            "[{}}]",
            "[\"]",
            "[{} {}]",
            "\u{feff}\u{feff}[]",
            "[]\u{feff}",
        ] {
            assert_eq!(split(bad, 2), Err(Malformed), "{bad}");
        }
        let long = format!("[\"{}\"]", "x".repeat(LONGEST_ITEM));
        assert_eq!(split(&long, 4096), Err(Malformed));
        let deep = "[".repeat(LONGEST_ITEM + 2);
        assert_eq!(split(&deep, 4096), Err(Malformed));
    }
}
