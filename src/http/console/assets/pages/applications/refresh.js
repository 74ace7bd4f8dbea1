// How long a login of one application lasts, and what becomes of its refresh tokens.

import { Form, useForm } from '../../core/form.js';
import { html } from '../../core/html.js';
import { Link } from '../../core/router.js';
import { session } from '../../core/session.js';
import { span } from '../../core/words.js';
import { toast } from '../../parts/dialog.js';
import { DurationField, Toggle } from '../../parts/fields.js';
import { Card, Notice, ReadOnly, SaveBar } from '../../parts/layout.js';

const DAY = 86_400;

const LEEWAY = 'For so long after its use an old refresh token is still taken, for answers that got lost on the way.';

/** What holds where an application says nothing. */
const DEFAULTS = {
  rotation_type: 'non-rotating',
  expiration_type: 'non-expiring',
  token_lifetime: 30 * DAY,
  idle_token_lifetime: 15 * DAY,
  infinite_token_lifetime: false,
  infinite_idle_token_lifetime: false,
};

function valuesOf({ refresh_token: settings }) {
  const values = { ...DEFAULTS, ...settings };
  // They are edited elsewhere.
  delete values.policies;
  return { refresh_token: values };
}

/** What the settings come to, in words. */
export function effect({ rotation_type: rotation, expiration_type: expiration, ...settings }) {
  const expires = expiration === 'expiring';
  const open = [[settings.infinite_token_lifetime, settings.token_lifetime],
    [settings.infinite_idle_token_lifetime, settings.idle_token_lifetime]];
  if (expires && open.some(([infinite, time]) => !infinite && !Number.isFinite(time))) return ['Type how long a login lasts.'];
  const most = expires && !settings.infinite_token_lifetime && span(settings.token_lifetime);
  const idle = expires && !settings.infinite_idle_token_lifetime && span(settings.idle_token_lifetime);
  const lasts = most && idle ? `A login lasts at most ${most}, and ends after ${idle} without use.`
    : most ? `A login lasts ${most}, whether it is used or not.`
      : idle ? `A login lasts as long as it is used, and ends after ${idle} without use.`
        : 'A login never ends by itself: somebody has to revoke it.';
  const stolen = rotation === 'rotating'
    ? 'Each refresh token works once and brings the next; if an old one turns up again, the whole login is revoked.'
    : 'The same refresh token works again and again; whoever copies it can use it until it ends.';
  return [lasts, stolen];
}

/** A time can be changed, but not taken back: an empty field says nothing that could be sent. */
function check({ refresh_token: now }, { refresh_token: before }) {
  const expires = now.expiration_type === 'expiring';
  const shown = [
    now.rotation_type === 'rotating' && 'leeway',
    expires && !now.infinite_token_lifetime && 'token_lifetime',
    expires && !now.infinite_idle_token_lifetime && 'idle_token_lifetime',
  ].filter(Boolean);
  const empty = shown.filter((name) => before[name] !== undefined && now[name] === undefined);
  return Object.fromEntries(empty.map((name) => [`refresh_token.${name}`, 'Type a time.']));
}

/** Turning rotation on turns expiry on: the server has no tokens that rotate for ever. */
function setRotation(form, on) {
  form.set('refresh_token.rotation_type', on ? 'rotating' : 'non-rotating');
  if (on) form.set('refresh_token.expiration_type', 'expiring');
}

/** The tab. */
export function RefreshTokens({ client, resource }) {
  const form = useForm({
    initial: valuesOf(client),
    check: (values) => check(values, valuesOf(client)),
    save: async (values, { changes, force }) => {
      const { rotation_type: rotation, expiration_type: expiration } = values.refresh_token;
      const changed = Object.entries(changes.refresh_token ?? {}).filter(([, value]) => value !== null);
      const sent = { rotation_type: rotation, expiration_type: expiration, ...Object.fromEntries(changed) };
      const saved = valuesOf(await resource.patch({ refresh_token: sent }, { force }));
      toast('Saved');
      return saved;
    },
    theirs: async () => {
      const fresh = await resource.reload();
      return fresh && valuesOf(fresh);
    },
  });
  const settings = form.values.refresh_token;
  const rotates = settings.rotation_type === 'rotating';
  const expires = settings.expiration_type === 'expiring';
  const unset = form.base.refresh_token.leeway === undefined;
  const allowed = (client.grant_types ?? []).includes('refresh_token');
  return html`<${ReadOnly} when=${!session.can('update:clients')}>
    ${!allowed && html`<${Notice} kind="warning" title="It gets no refresh tokens">
      <p>Allow “Refresh token” among its ways to get tokens
        first: <${Link} href=${`/applications/${encodeURIComponent(client.client_id)}?tab=settings`}>Settings</${Link}>.</p>
    </${Notice}>`}
    <${Form} form=${form} label="Refresh tokens">
      <${Card} title="What it comes to">
        <div role="status">${effect(settings).map((sentence) => html`<p key=${sentence}>${sentence}</p>`)}</div>
      </${Card}>
      <${Card} title="Rotation" intro="Protects what was stolen: a copy of a refresh token is noticed as soon as both are used.">
        <${Toggle} label="Rotate refresh tokens" value=${rotates} onChange=${(on) => setRotation(form, on)}
          error=${form.error('refresh_token.rotation_type')} hint="Each use replaces the refresh token with a new one." />
        ${rotates && html`<${DurationField} form=${form} name="refresh_token.leeway" label="Leeway"
          optional=${unset} hint=${`${LEEWAY}${unset ? ' Left empty, it is the setting of the server.' : ''}`} />`}
      </${Card}>
      <${Card} title="How long a login lasts">
        <${Toggle} label="Refresh tokens expire" value=${expires} readOnly=${rotates}
          onChange=${(on) => form.set('refresh_token.expiration_type', on ? 'expiring' : 'non-expiring')}
          error=${form.error('refresh_token.expiration_type')}
          hint=${rotates ? 'Refresh tokens that rotate always expire.' : undefined} />
        ${expires && html`<${Ends} form=${form} settings=${settings} />`}
      </${Card}>
      <${SaveBar} form=${form} />
    </${Form}>
  </${ReadOnly}>`;
}

function Ends({ form, settings }) {
  const end = (infinite, lifetime, label, field, hint) => html`
    <${Toggle} label=${label} value=${!settings[infinite]} onChange=${(on) => form.set(`refresh_token.${infinite}`, !on)} hint=${hint} />
    ${!settings[infinite] && html`<${DurationField} form=${form} name=${`refresh_token.${lifetime}`} label=${field} />`}`;
  return html`
    ${end('infinite_token_lifetime', 'token_lifetime', 'Ends after a time, used or not', 'At most',
      'Counted from the login.')}
    ${end('infinite_idle_token_lifetime', 'idle_token_lifetime', 'Ends when it is not used', 'Without use for',
      'Counted from the last use.')}`;
}
