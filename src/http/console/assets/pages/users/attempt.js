// What buttons do outside of forms: where it fails, a sentence says so.

import { confirm } from '../../parts/dialog.js';

/** Runs `write`; tells why it could not be done. Returns whether it was. */
export async function attempt(write) {
  try {
    await write();
    return true;
  } catch (error) {
    if (!error.kind) throw error;
    await confirm({ title: 'This was not done', text: error.message, act: 'Understood', keep: 'Close' });
    return false;
  }
}
