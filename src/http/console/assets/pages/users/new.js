// A new user.

import { api } from '../../core/api.js';
import { html } from '../../core/html.js';
import { Form, useForm } from '../../core/form.js';
import { useLoad } from '../../core/load.js';
import { navigate } from '../../core/router.js';
import { session } from '../../core/session.js';
import { toast } from '../../parts/dialog.js';
import { Select, TextField, Toggle } from '../../parts/fields.js';
import { Card, Page, SaveBar } from '../../parts/layout.js';
import { PasswordField } from './password.js';
import { linkTo, placed } from './words.js';

const DATABASE = 'Username-Password-Authentication';

const given = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== '' && value !== undefined));

function useConnections() {
  const load = useLoad(async (signal) => (
    session.can('read:connections') ? api.get('connections', { per_page: 100 }, { signal }) : [{ name: DATABASE, strategy: 'auth0' }]));
  return load.data;
}

/** `/users/new` */
export function NewUser() {
  const connections = useConnections();
  const form = useForm({
    initial: { connection: DATABASE, email: '', username: '', name: '', password: '', email_verified: false, verify_email: false },
    save: async (values) => {
      const { password, username, verify_email: verifies, ...more } = values;
      const body = { ...given(more), ...(isDatabase && given({ password, username })), verify_email: verifies && !values.email_verified };
      const user = await placed(() => api.post('users', body));
      toast('User created');
      // What was typed is saved: leaving it asks nothing.
      navigate(linkTo(user.user_id), { force: true });
      return values;
    },
  });
  const connection = connections?.find(({ name }) => name === form.values.connection);
  const isDatabase = (connection?.strategy ?? 'auth0') === 'auth0';
  const needsUsername = connection?.options?.requires_username === true;
  const names = (connections ?? [{ name: DATABASE }]).map(({ name }) => [name, name]);
  return html`<${Page} title="New user" back=${{ href: '/users', title: 'Users' }}>
    <${Form} form=${form} label="New user">
      <${Card}>
        <${Select} form=${form} name="connection" label="Connection" options=${names}
          hint=${isDatabase ? 'A database: the user logs in with a password.'
            : 'The user logs in with a code that is sent by e-mail, without a password.'} />
        <${TextField} form=${form} name="email" label="E-mail" type="email" inputmode="email" />
        ${isDatabase && html`<${TextField} form=${form} name="username" label="User name" optional=${!needsUsername}
          hint=${needsUsername ? 'This connection asks for one.' : 'Another name to log in with, if the connection has such names.'} />`}
        <${TextField} form=${form} name="name" label="Name" optional hint="Without one the e-mail address stands for it." />
        ${isDatabase && html`<${PasswordField} form=${form} name="password" label="Password"
          hint="Hand it over safely: it is not shown again. Or leave the user a link to set one, on the next page." />`}
        <${Toggle} form=${form} name="email_verified" label="The address is verified" hint="You know that it belongs to this person." />
        ${!form.values.email_verified && html`<${Toggle} form=${form} name="verify_email" label="Send a link to verify the address" />`}
      </${Card}>
      <${SaveBar} form=${form} label="Create" always idle="" />
    </${Form}>
  </${Page}>`;
}
