// A password that an administrator types or has generated.

import { html, useState } from '../../core/html.js';
import { TextField } from '../../parts/fields.js';
import { Copy } from '../../parts/layout.js';

// Without those that look like each other.
const LETTERS = 'abcdefghijkmnpqrstuvwxyz';
const CAPITALS = 'ABCDEFGHJKLMNPQRSTUVWXYZ';
const DIGITS = '23456789';
const SIGNS = '-_.!+';
const LENGTH = 20;

/** A number below `end`, each as likely. */
function below(end) {
  const most = 256 - (256 % end);
  for (;;) {
    const [byte] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < most) return byte % end;
  }
}

const pick = (text) => text[below(text.length)];

/** A password of all kinds of characters, which every policy takes. */
export function generatePassword() {
  const characters = [LETTERS, CAPITALS, DIGITS, SIGNS].map(pick);
  while (characters.length < LENGTH) characters.push(pick(LETTERS + CAPITALS + DIGITS + SIGNS));
  for (let i = characters.length - 1; i > 0; i -= 1) {
    const j = below(i + 1);
    [characters[i], characters[j]] = [characters[j], characters[i]];
  }
  return characters.join('');
}

/** The field: hidden unless it was generated, as somebody has to read that one. */
export function PasswordField({ form, name, ...props }) {
  const [shown, setShown] = useState(false);
  const generate = () => {
    form.set(name, generatePassword());
    setShown(true);
  };
  return html`<div class="password-field">
    <${TextField} form=${form} name=${name} type=${shown ? 'text' : 'password'} autocomplete="new-password" mono=${shown} ...${props} />
    <p class="actions">
      <button type="button" onClick=${generate}>Generate one</button>
      <button type="button" class="quiet" aria-pressed=${shown} onClick=${() => setShown(!shown)}>${shown ? 'Hide it' : 'Show it'}</button>
      ${shown && form.get(name) && html`<${Copy} text=${form.get(name)} of=${props.label} />`}
    </p>
  </div>`;
}
