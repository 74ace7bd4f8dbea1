// Who somebody is, whether and how they may log in, and what is noted about them.

import { api, at } from '../../core/api.js';
import { Form, useForm } from '../../core/form.js';
import { html, useMemo } from '../../core/html.js';
import { useLoad } from '../../core/load.js';
import { navigate } from '../../core/router.js';
import { session } from '../../core/session.js';
import { counted } from '../../core/words.js';
import { confirm, toast } from '../../parts/dialog.js';
import { TextField, Toggle } from '../../parts/fields.js';
import { Badge, Card, Facts, Notice, ReadOnly, SaveBar, Time } from '../../parts/layout.js';
import { attempt } from './attempt.js';
import { Metadata } from './metadata.js';
import { SignIn } from './signin.js';
import { nameOf, placed } from './words.js';

const MEMBERS = ['email', 'email_verified', 'username', 'name', 'given_name', 'family_name', 'nickname', 'phone_number', 'picture'];

/** What the form starts with: members that are not set are empty. */
const valuesOf = (user) => Object.fromEntries(MEMBERS.map((name) => [name, user[name] ?? (name === 'email_verified' ? false : '')]));

/** An emptied member is removed. */
const bodyOf = (changes) => Object.fromEntries(Object.entries(changes).map(([name, value]) => [name, value === '' ? null : value]));

function Profile({ user, resource }) {
  const initial = useMemo(() => valuesOf(user), []);
  const form = useForm({
    initial,
    save: async (values, { changes, force }) => {
      const saved = await placed(() => resource.patch(bodyOf(changes), { force }));
      toast('Profile saved');
      return valuesOf(saved);
    },
    theirs: async () => valuesOf(await resource.reload()),
  });
  const strategy = user.identities?.[0]?.provider;
  const moved = form.values.email !== form.base.email;
  return html`<${Card} title="Profile">
    <${Form} form=${form} label="Profile">
      <div class="pair">
        <${TextField} form=${form} name="email" label="E-mail" type="email" inputmode="email"
          hint=${moved ? 'A new address counts as not verified, unless you say below that it is.' : undefined} />
        ${strategy === 'auth0' && html`<${TextField} form=${form} name="username" label="User name" optional />`}
        <${TextField} form=${form} name="name" label="Name" optional />
        <${TextField} form=${form} name="nickname" label="Nickname" optional />
        <${TextField} form=${form} name="given_name" label="Given name" optional />
        <${TextField} form=${form} name="family_name" label="Family name" optional />
        <${TextField} form=${form} name="phone_number" label="Telephone number" optional placeholder="+15550100" />
        <${TextField} form=${form} name="picture" label="Picture" optional placeholder="https://…" />
      </div>
      <${Toggle} form=${form} name="email_verified" label="The address is verified" />
      <${SaveBar} form=${form} label="Save profile" />
    </${Form}>
  </${Card}>`;
}

function Blocks({ user }) {
  const path = at`user-blocks/${user.user_id}`;
  const load = useLoad((signal) => api.get(path, undefined, { signal }), [path]);
  const blocks = load.data?.blocked_for ?? [];
  if (blocks.length === 0) return null;
  const remove = () => attempt(async () => {
    await api.delete(path);
    await load.reload();
    toast('Unblocked');
  });
  const places = blocks.map(({ ip }) => ip).filter(Boolean).join(', ');
  return html`<${Notice} kind="warning" title="Too many wrong passwords">
    <p>After too many wrong passwords, logins
      of this user ${places ? html`from <code>${places}</code>` : 'from anywhere'} are refused for a while.</p>
    ${session.can('update:users') && html`<p><button type="button" onClick=${remove}>Let them try again</button></p>`}
  </${Notice}>`;
}

function Known({ user }) {
  return html`<${Card} title="Known about this user">
    <${Facts} facts=${[
      ['Created', html`<${Time} at=${user.created_at} />`],
      ['Last login', user.last_login ? html`<${Time} at=${user.last_login} />` : 'never'],
      ['Logins', user.logins_count ?? 0],
      ['Last address', user.last_ip],
      ['Changed', html`<${Time} at=${user.updated_at} />`],
      ...(user.identities ?? []).map((identity) => [
        'Identity', html`${identity.connection} <span class="muted">${identity.provider}|${identity.user_id}</span>`]),
      ['E-mail', user.email && (user.email_verified
        ? html`<${Badge} kind="good">verified</${Badge}>` : html`<${Badge}>not verified</${Badge}>`)],
    ]} />
  </${Card}>`;
}

/** What ends with the user, as far as this person may see it. */
async function costs(user) {
  const count = async (scope, path, items) => {
    if (!session.can(scope)) return undefined;
    return (await api.get(path, { take: 100 }))[items].length;
  };
  const [sessions, tokens] = await Promise.all([
    count('read:sessions', at`users/${user.user_id}/sessions`, 'sessions'),
    count('read:refresh_tokens', at`users/${user.user_id}/refresh-tokens`, 'tokens'),
  ]);
  const many = (n, one) => n > 0 && (n >= 100 ? `at least 100 ${one}s` : counted(n, one));
  return [many(sessions, 'session'), many(tokens, 'refresh token')].filter(Boolean).join(' and ');
}

function Delete({ user }) {
  const remove = () => attempt(async () => {
    const ending = await costs(user);
    const yes = await confirm({
      title: `Delete ${nameOf(user)}?`,
      text: html`<p>The account with its password, roles, permissions and metadata is gone for good.
        ${ending ? ` ${ending} end with it: applications cannot renew their access tokens.` : ''} Access tokens
        that are out work until they expire.</p>`,
      act: 'Delete this user',
      danger: true,
      type: user.email ?? user.user_id,
    });
    if (!yes) return;
    await api.delete(at`users/${user.user_id}`);
    toast('User deleted');
    navigate('/users', { force: true });
  });
  return html`<${Card} title="Delete this user" danger
    intro="Nothing brings a deleted user back. To keep somebody out for a while, block them instead.">
    <button type="button" class="danger" onClick=${remove}>Delete user</button>
  </${Card}>`;
}

/** The tab *Details*. */
export function Details({ user, resource }) {
  const mayChange = session.can('update:users');
  return html`<div class="stack">
    <${Blocks} user=${user} />
    <${ReadOnly} when=${!mayChange}>
      <${Known} user=${user} />
      <${Profile} user=${user} resource=${resource} />
      ${mayChange && html`<${SignIn} user=${user} resource=${resource} />`}
    </${ReadOnly}>
    <${ReadOnly} when=${!mayChange && !session.can('update:users_app_metadata')}
      reason="Your role allows you to look at the metadata, not to change them.">
      <${Metadata} user=${user} resource=${resource} />
    </${ReadOnly}>
    ${session.can('delete:users') && html`<${Delete} user=${user} />`}
  </div>`;
}
