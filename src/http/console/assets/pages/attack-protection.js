// Attack protection: what is done about guessed passwords, and what protects people without a switch.

import { html } from '../core/html.js';
import { Form, useForm } from '../core/form.js';
import { Loaded, useResource } from '../core/load.js';
import { session } from '../core/session.js';
import { counted, span } from '../core/words.js';
import { toast } from '../parts/dialog.js';
import { CheckList, ListField, NumberField, RadioCards, Toggle } from '../parts/fields.js';
import { Badge, Card, Page, ReadOnly, SaveBar } from '../parts/layout.js';

const BLOCK = ['block', 'Block', 'Refuse the attempt.'];
const TELL_USER = ['user_notification', 'Tell the user', 'Send a message to the person whose account it is.'];
const TELL_ADMINISTRATORS = ['admin_notification', 'Tell administrators', 'Send a message to those who run this server.'];

const Shields = ({ options, name = 'shields', label = 'What is to be done', ...props }) => html`
  <${CheckList} ...${props} name=${name} label=${label} options=${options} />`;

const Allowlist = ({ form }) => html`<${ListField} form=${form} name="allowlist" label="Addresses that are never blocked"
  placeholder="192.0.2.7" hint="One IP address or range per line, such as 192.0.2.0/24." />`;

const BruteForce = ({ form }) => html`
  <${NumberField} form=${form} name="max_attempts" label="Failed logins before something is done" suffix="attempts" />
  <${RadioCards} form=${form} name="mode" label="What is counted together" options=${[
    ['count_per_identifier_and_ip', 'Attempts on one account from one address', 'The person can still log in from elsewhere.'],
    ['count_per_identifier', 'All attempts on one account', 'Stops attacks from many addresses, but anybody can lock anybody out.'],
  ]} />
  <${Shields} form=${form} options=${[BLOCK, TELL_USER]} />
  <${Allowlist} form=${form} />`;

/** "100 attempts, and another every 14 minutes 24 seconds." */
function Throttle({ form, stage }) {
  const [most, rate] = [form.get(`stage.${stage}.max_attempts`), form.get(`stage.${stage}.rate`)];
  if (!Number.isFinite(most) || !Number.isFinite(rate)) return null;
  const every = rate < 10_000 ? counted(rate / 1000, 'second') : span(rate / 1000);
  return html`<p class="muted">${counted(most, 'attempt')} at once, and another one every ${every}.</p>`;
}

const Stage = ({ form, stage, title }) => html`
  <${NumberField} form=${form} name=${`stage.${stage}.max_attempts`} label=${`${title}: attempts`} />
  <${NumberField} form=${form} name=${`stage.${stage}.rate`} label=${`${title}: one is given back every`} suffix="milliseconds" />
  <${Throttle} form=${form} stage=${stage} />`;

const SuspiciousIp = ({ form }) => html`
  <${Stage} form=${form} stage="pre-login" title="Logins from one address" />
  <${Stage} form=${form} stage="pre-user-registration" title="Sign-ups from one address" />
  <${Shields} form=${form} options=${[BLOCK, TELL_ADMINISTRATORS]} />
  <${Allowlist} form=${form} />`;

const Breached = ({ form }) => html`
  <${Shields} form=${form} label="At a login with a leaked password" options=${[BLOCK, TELL_USER, TELL_ADMINISTRATORS]} />
  <${Shields} form=${form} name="stage.pre-user-registration.shields" label="At a sign-up with one"
    options=${[BLOCK, TELL_ADMINISTRATORS]} />
  <${Shields} form=${form} name="stage.pre-change-password.shields" label="When one is chosen as the new password"
    options=${[BLOCK, TELL_ADMINISTRATORS]} />
  <${CheckList} form=${form} name="admin_notification_frequency" label="How often administrators are told" options=${[
    ['immediately', 'At once'], ['daily', 'Daily'], ['weekly', 'Weekly'], ['monthly', 'Monthly'],
  ]} />
  <${RadioCards} form=${form} name="method" label="How leaked passwords are found" options=${[
    ['standard', 'Standard', 'In what was leaked and published.'], ['enhanced', 'Enhanced', 'Also in what is traded in private.'],
  ]} />`;

const PROTECTIONS = [
  {
    path: 'brute-force-protection', enforced: true, title: 'Guessed passwords', fields: BruteForce,
    intro: 'Many attempts on one account (brute-force protection).',
  },
  {
    path: 'suspicious-ip-throttling', enforced: true, title: 'Many attempts from one address', fields: SuspiciousIp,
    intro: 'One address that tries many accounts (suspicious IP throttling).',
  },
  {
    path: 'breached-password-detection', title: 'Leaked passwords', fields: Breached,
    intro: 'Passwords that were stolen elsewhere (breached password detection). Nothing tells this server which those are.',
  },
];

function Protection({ resource, title, intro, enforced, fields: Fields }) {
  const form = useForm({
    initial: resource.data,
    save: async (values, { changes, force }) => {
      const saved = await resource.patch(changes, { force });
      toast(`Kept: ${title}`);
      return saved;
    },
    theirs: resource.reload,
  });
  const wanted = form.get('enabled');
  const on = enforced ? ['good', 'On'] : ['warning', 'Switched on, not enforced'];
  const [kind, says] = wanted ? on : ['neutral', 'Off'];
  return html`<${Form} form=${form} label=${title}>
    <${Card} title=${title} intro=${intro} actions=${html`<${Badge} kind=${kind}>${says}</${Badge}>`}>
      <${Toggle} form=${form} name="enabled" label="Switched on"
        hint=${enforced ? null : 'Kept as you set it. This release does not act upon it.'} />
      <${Fields} form=${form} />
      <${SaveBar} form=${form} />
    </${Card}>
  </${Form}>`;
}

function Loading({ path, ...protection }) {
  const resource = useResource(`attack-protection/${path}`);
  return html`<${Loaded} load=${resource}>${() => html`<${Protection} resource=${resource} ...${protection} />`}</${Loaded}>`;
}

const Today = () => html`<${Card} title="What protects people today" intro="Without a switch, and for everybody.">
  <ul>
    <li>Unknown users and wrong passwords get the same answer after the same time: nobody finds out who has an account.</li>
    <li>Passwords are kept as Argon2 hashes, and only a few are checked at a time: guessing is slow for everybody who tries.</li>
    <li>Passwords that are easy to guess are refused when they are chosen, unless a connection has a policy of its own.</li>
    <li>Codes from messages and codes for devices end after a few wrong attempts.</li>
    <li>Every failed login is in the logs, with its address.</li>
  </ul>
</${Card}>`;

function AttackProtectionPage() {
  return html`<${Page} title="Attack protection">
    <${Today} />
    <${ReadOnly} when=${!session.can('update:attack_protection')}>
      ${PROTECTIONS.map((protection) => html`<${Loading} key=${protection.path} ...${protection} />`)}
    </${ReadOnly}>
  </${Page}>`;
}

export const routes = [{ path: '/attack-protection', page: AttackProtectionPage, needs: 'read:attack_protection' }];
