// What the operator changes while the server runs.

import { api } from '../core/api.js';
import { html } from '../core/html.js';
import { Form, useForm } from '../core/form.js';
import { Loaded, useLoad, useResource } from '../core/load.js';
import { session } from '../core/session.js';
import { span } from '../core/words.js';
import { toast } from '../parts/dialog.js';
import { DurationField, ListField, RadioCards, Select, TextField, Toggle } from '../parts/fields.js';
import { Card, Notice, Page, ReadOnly, SaveBar } from '../parts/layout.js';
import { inForm, toBody, toForm } from './settings/values.js';

/** Most things that are offered in a list; more are typed. */
const OFFERED = 100;

/** What there is to choose from, `undefined` where it cannot be listed. */
async function readChoices(signal) {
  const list = async (scope, path, query, members) => {
    if (!session.can(scope)) return undefined;
    const page = await api.get(path, { ...query, per_page: OFFERED, include_totals: true }, { signal });
    return page.total > OFFERED ? undefined : members(page);
  };
  // Browsers keep it for minutes, and the languages in it may just have changed.
  const discovery = fetch('/.well-known/openid-configuration', { signal, cache: 'no-store' })
    .then((response) => response.json());
  const [apis, databases, described] = await Promise.all([
    list('read:resource_servers', 'resource-servers', {}, (page) => page.resource_servers
      .filter(({ is_system: own }) => !own).map(({ identifier, name }) => [identifier, `${name} (${identifier})`])),
    list('read:connections', 'connections', { strategy: 'auth0', fields: 'name' },
      (page) => page.connections.map(({ name }) => [name, name])),
    discovery,
  ]);
  return { apis, databases, locales: described.ui_locales_supported };
}

/** One of `choices`, or typed where they cannot be listed. What is set and gone is still shown. */
function Choice({ choices, none, ...props }) {
  if (!choices) return html`<${TextField} ...${props} />`;
  const set = props.form.get(props.name);
  const gone = set && !choices.some(([value]) => value === set) ? [[set, `${set} (does not exist)`]] : [];
  return html`<${Select} ...${props} options=${[['', none], ...gone, ...choices]} />`;
}

const Names = ({ form }) => html`<${Card} title="Name and support" intro="What people see on the pages of this server and in its messages.">
  <${TextField} form=${form} name="friendly_name" label="Name" hint="What login pages and messages call this server." />
  <${TextField} form=${form} name="picture_url" label="Address of the logo" type="url" mono
    hint="Shown on pages, at about 150 × 150 pixels." />
  <${TextField} form=${form} name="support_email" label="E-mail address for help" type="email" />
  <${TextField} form=${form} name="support_url" label="Page for help" type="url" mono />
</${Card}>`;

/** How long a login lasts, in words. */
function Effective({ values }) {
  const ends = values.session_cookie.mode === 'non-persistent';
  const [longest, idle] = ends
    ? [values.ephemeral_session_lifetime, values.idle_ephemeral_session_lifetime]
    : [values.session_lifetime, values.idle_session_lifetime];
  if (!Number.isFinite(longest) || !Number.isFinite(idle)) return null;
  return html`<${Notice} title="In effect">
    <p>Somebody who logs in is asked for the password again after ${span(longest)}${idle < longest
      ? html`, or when the login was not used for ${span(idle)}` : ''}${ends ? ', and when the browser was closed' : ''}.</p>
    ${idle >= longest && html`<p>The time without use has no effect: it is not shorter than the whole.</p>`}
    <p>It counts for logins from now on. Refresh tokens have lifetimes of their own, with each application.</p>
  </${Notice}>`;
}

const Sessions = ({ form }) => html`<${Card} title="How long a login lasts">
  <${RadioCards} form=${form} name="session_cookie.mode" label="When the browser is closed" options=${[
    ['persistent', 'Stay logged in', 'Until the login ends by time.'],
    ['non-persistent', 'Log out', 'The browser forgets the login; on the server it ends by time, too.'],
  ]} />
  ${form.get('session_cookie.mode') === 'non-persistent' ? html`
    <${DurationField} form=${form} name="ephemeral_session_lifetime" label="Longest login" />
    <${DurationField} form=${form} name="idle_ephemeral_session_lifetime" label="Longest time without use" />` : html`
    <${DurationField} form=${form} name="session_lifetime" label="Longest login" />
    <${DurationField} form=${form} name="idle_session_lifetime" label="Longest time without use" />`}
  <${Effective} values=${form.values} />
</${Card}>`;

const ABOUT_LANGUAGES = 'One tag per line, such as en or ja. The first is for people whose browser prefers none of '
  + 'them. Tags that this server has no texts for are left out.';

const Languages = ({ form, locales }) => html`<${Card} title="Languages">
  <${ListField} form=${form} name="enabled_locales" label="Languages of pages and messages"
    hint=${ABOUT_LANGUAGES} />
  ${locales && html`<p class="muted">In effect now: ${locales.join(', ')}.</p>`}
</${Card}>`;

const Places = ({ form, choices }) => html`<${Card} title="Where nothing is named"
  intro="What counts when an application, a login or a logout does not say.">
  <${Choice} form=${form} name="default_audience" label="API" choices=${choices.apis} none="None: access tokens are for /userinfo only"
    hint="The API of a login that names no audience." />
  <${Choice} form=${form} name="default_directory" label="Database of users" choices=${choices.databases}
    none="None: each database of the application is tried"
    hint="Where passwords are looked up when a login names no connection. The console itself looks in all of them." />
  <${TextField} form=${form} name="default_redirection_uri" label="Page for people who come from no application" type="url" mono
    hint="Such as those who confirm an address from a message on another device. Must be https." />
  <${ListField} form=${form} name="allowed_logout_urls" label="Addresses that a logout may lead to" placeholder="https://www.example.com/"
    hint="One per line, for logouts that name no application. Applications have lists of their own." />
</${Card}>`;

const Logouts = ({ form }) => html`<${Card} title="Logout with OpenID Connect">
  <${Toggle} form=${form} name="oidc_logout.rp_logout_end_session_endpoint_discovery" label="Announce /oidc/logout"
    hint="Applications find it in the discovery document. It works either way." />
  <${Toggle} form=${form} name="sessions.oidc_logout_prompt_enabled" label="Ask before a logout that nobody vouches for"
    hint="Without it, any page on the web can log people out with a link." />
</${Card}>`;

const Errors = ({ form }) => html`<${Card} title="Errors">
  <${TextField} form=${form} name="error_page.url" label="Page for errors" type="url" mono
    hint="People are sent there with error and error_description instead of seeing a page of this server. Empty: they see that page." />
  <${Toggle} form=${form} name="error_page.show_log_link" label="Name the request on the error page"
    hint="So that people can tell you which one it was." />
</${Card}>`;

const Devices = ({ form }) => html`<${Card} title="Codes for devices"
  intro="What a television or another device without a keyboard shows to be typed elsewhere.">
  <${RadioCards} form=${form} name="device_flow.charset" label="Codes consist of" options=${[
    ['base20', 'Letters', 'Twenty consonants, so that no words come out.'],
    ['digits', 'Digits', 'Easier with a remote control; codes are longer.'],
  ]} />
  <${TextField} form=${form} name="device_flow.mask" label="Form" mono optional
    placeholder=${form.get('device_flow.charset') === 'digits' ? '***-***-***' : '****-****'}
    hint="* stands for a character. Empty: the usual form." />
</${Card}>`;

const Switches = ({ form }) => html`<${Card} title="Switches">
  <${Toggle} form=${form} name="flags.enable_client_connections" label="New applications get every connection"
    hint="Users of all connections can log in to an application as soon as it is made. Without it you choose them one by one." />
  <${Toggle} form=${form} name="flags.enable_public_signup_user_exists_error" label="Tell who signs up that the user exists"
    hint="Kinder to people, but anybody can find out who has an account here." />
  <${Toggle} form=${form} name="flags.revoke_refresh_token_grant" label="Revoking a refresh token takes back the consent, too"
    hint="All refresh tokens of that user in that application end, and a third party has to ask again." />
  <${Toggle} form=${form} name="flags.remove_alg_from_jwks" label="Leave the algorithm out of the key set"
    hint="For libraries that cannot read it. APIs then have to know the algorithm themselves." />
</${Card}>`;

function Settings({ resource, choices }) {
  const form = useForm({
    initial: toForm(resource.data),
    save: async (values, { changes, force }) => {
      try {
        const saved = await resource.patch(toBody(values, changes), { force });
        choices.reload();
        toast('The settings were saved');
        return toForm(saved);
      } catch (error) {
        throw inForm(error);
      }
    },
    theirs: async () => {
      const fresh = await resource.reload();
      return fresh && toForm(fresh);
    },
  });
  const offered = choices.data ?? {};
  return html`<${ReadOnly} when=${!session.can('update:tenant_settings')}>
    <${Form} form=${form} label="Settings">
      <${Names} form=${form} />
      <${Sessions} form=${form} />
      <${Languages} form=${form} locales=${offered.locales} />
      <${Places} form=${form} choices=${offered} />
      <${Logouts} form=${form} />
      <${Errors} form=${form} />
      <${Devices} form=${form} />
      <${Switches} form=${form} />
      <${SaveBar} form=${form} />
    </${Form}>
  </${ReadOnly}>`;
}

function SettingsPage() {
  const resource = useResource('tenants/settings');
  const choices = useLoad(readChoices);
  return html`<${Page} title="Settings"
    intro="They count for the whole server, at once and without a restart. What else Auth0 has is kept for tools that write it, and changes nothing here.">
    <${Loaded} load=${resource}>${() => html`<${Settings} resource=${resource} choices=${choices} />`}</${Loaded}>
  </${Page}>`;
}

export const routes = [{ path: '/settings', page: SettingsPage, needs: 'read:tenant_settings' }];
