// Whether somebody may log in, and the password.

import { api } from '../../core/api.js';
import { Form, useForm } from '../../core/form.js';
import { html, useState } from '../../core/html.js';
import { session } from '../../core/session.js';
import { confirm, toast } from '../../parts/dialog.js';
import { Card, Code, Notice, SaveBar } from '../../parts/layout.js';
import { attempt } from './attempt.js';
import { PasswordField } from './password.js';
import { nameOf, placed } from './words.js';

/** The link works for a day: it opens the account. */
const LINK_LIFETIME = 86_400;

function Block({ user, resource }) {
  const change = (blocked) => attempt(async () => {
    const yes = !blocked || await confirm({
      title: `Block ${nameOf(user)}?`,
      text: 'Every login is refused from now on. All sessions and refresh tokens of this user end at once; '
        + 'access tokens that are out work until they expire.',
      act: 'Block',
      danger: true,
    });
    if (!yes) return;
    await resource.patch({ blocked }, { force: true });
    toast(blocked ? 'Blocked' : 'Unblocked');
  });
  return user.blocked
    ? html`<p>This user is blocked: every login is refused. When you unblock, they can log in again;
      sessions and refresh tokens from before stay ended.</p>
      <p class="actions"><button type="button" onClick=${() => change(false)}>Unblock</button></p>`
    : html`<p>This user may log in. Blocking refuses every login and ends all sessions and refresh tokens at once.</p>
      <p class="actions"><button type="button" class="danger" onClick=${() => change(true)}>Block</button></p>`;
}

function SetPassword({ resource, done }) {
  const form = useForm({
    initial: { password: '' },
    check: ({ password }) => (password === '' ? { password: 'Type a password, or generate one.' } : {}),
    save: async ({ password }) => {
      await placed(() => resource.patch({ password }, { force: true }));
      toast('The new password is set');
      done();
      return { password: '' };
    },
  });
  return html`<${Form} form=${form} label="Set a new password">
    <${PasswordField} form=${form} name="password" label="New password"
      hint="The old one stops working, and all sessions of the user end. It is not shown again after you have saved it." />
    <${SaveBar} form=${form} label="Set password" always idle="" />
  </${Form}>`;
}

function Password({ user, resource }) {
  const [sets, setSets] = useState(false);
  const [ticket, setTicket] = useState();
  const makeLink = () => attempt(async () => {
    const body = await api.post('tickets/password-change', { user_id: user.user_id, ttl_sec: LINK_LIFETIME });
    setTicket(body.ticket);
  });
  if (sets) {
    return html`<h3>Password</h3>
      <${SetPassword} resource=${resource} done=${() => setSets(false)} />
      <p><button type="button" class="quiet" onClick=${() => setSets(false)}>Leave it as it is</button></p>`;
  }
  return html`<h3>Password</h3>
    <p>Nobody can read a password. You can set another one, or give the user a link to set one.</p>
    <div class="actions">
      <button type="button" onClick=${() => setSets(true)}>Set a password</button>
      ${session.can('create:user_tickets')
        && html`<button type="button" onClick=${makeLink}>${ticket ? 'Make another link' : 'Make a link'}</button>`}
    </div>
    ${ticket && html`<${Code} label="Link to set a password" text=${ticket} />
      <${Notice} kind="warning" live>
        Whoever opens it can set the password, once, within a day. Send it to nobody but this user.</${Notice}>`}`;
}

/** The card *Login*. */
export function SignIn({ user, resource }) {
  const hasPassword = user.identities?.[0]?.provider === 'auth0';
  return html`<${Card} title="Login">
    <${Block} user=${user} resource=${resource} />
    ${hasPassword && html`<${Password} user=${user} resource=${resource} />`}
  </${Card}>`;
}
