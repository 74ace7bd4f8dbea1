// Texts and their bytes in UTF-8.

import { host } from './host.js';
import { Bytes, charCodeAt, toWellFormed } from './primordials.js';

/** The bytes of a text; half a surrogate pair becomes U+FFFD. */
export function utf8(value) {
  return new Bytes(host.utf8Encode(toWellFormed(value)));
}

/** The text of bytes. @throws with `fatal`, when they are none. */
export function decodeUtf8(bytes, fatal) {
  return host.utf8Decode(bytes, fatal);
}

/** How many bytes `value` has in UTF-8, without making them. */
export function byteLength(value) {
  let bytes = value.length;
  for (let i = 0; i < value.length; i += 1) {
    const unit = charCodeAt(value, i);
    if (unit > 0x7ff) bytes += 2;
    else if (unit > 0x7f) bytes += 1;
    if (unit >= 0xd800 && unit < 0xdc00 && i + 1 < value.length) {
      const next = charCodeAt(value, i + 1);
      // Two units, four bytes: three of them are counted by now, and this is the fourth.
      if (next >= 0xdc00 && next < 0xe000) i += 1;
    }
  }
  return bytes;
}
