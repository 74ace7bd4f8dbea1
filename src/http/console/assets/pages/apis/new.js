// A new API.

import { api } from '../../core/api.js';
import { Form, useForm } from '../../core/form.js';
import { html } from '../../core/html.js';
import { Link, navigate } from '../../core/router.js';
import { toast } from '../../parts/dialog.js';
import { ListField, Select, TextField, Toggle } from '../../parts/fields.js';
import { Card, Page, SaveBar } from '../../parts/layout.js';
import { ALGORITHMS } from './words.js';

/** "read:orders Read your orders": the first word is the scope, the rest says what it means. */
function scopesOf(lines) {
  return lines.map((line) => {
    const [, value, description] = /^(\S+)(?:\s+(.*))?$/s.exec(line);
    return description ? { value, description } : { value };
  });
}

const IDENTIFIER = `Applications ask for it as “audience”. It can never be changed. A URL is usual, but nothing is ever called
  there: it need not be reachable.`;

export function NewApi() {
  const form = useForm({
    initial: { name: '', identifier: '', signing_alg: 'RS256', allow_offline_access: true, scopes: [] },
    async save({ scopes, ...values }) {
      const created = await api.post('resource-servers', {
        ...values, ...(scopes.length > 0 && { scopes: scopesOf(scopes) }),
      });
      toast(`${created.name || created.identifier} is created.`);
      navigate(`/apis/${encodeURIComponent(created.id)}${scopes.length > 0 ? '' : '?tab=scopes'}`, { force: true });
    },
  });
  return html`<${Page} title="New API" back=${{ href: '/apis', title: 'APIs' }}>
    <${Card}><${Form} form=${form} label="New API">
      <${TextField} form=${form} name="name" label="Name" placeholder="Orders"
        hint="What people see, for example when they are asked for consent." />
      <${TextField} form=${form} name="identifier" label="Identifier" mono placeholder="https://orders.example.com/"
        hint=${IDENTIFIER} />
      <${Select} form=${form} name="signing_alg" label="Signing algorithm" options=${ALGORITHMS}
        hint="How its access tokens are signed. Choose HS256 only for an API that cannot read public keys." />
      <${Toggle} form=${form} name="allow_offline_access" label="Allow offline access"
        hint="A login for it may ask for offline_access and gets a refresh token, which policies can open for more APIs." />
      <${ListField} form=${form} name="scopes" label="Scopes" optional rows=${5}
        placeholder=${'read:orders See orders\nwrite:orders Change orders'}
        hint="One on each line: the scope, a space, and what it allows. More can be added at any time." />
      <${SaveBar} form=${form} label="Create" idle="" always />
      <p><${Link} href="/apis">Cancel</${Link}></p>
    </${Form}></${Card}>
  </${Page}>`;
}
