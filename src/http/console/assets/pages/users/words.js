// What users, their devices and the ends of their logins are called.

import { at } from '../../core/api.js';

/** What to call somebody. */
export const nameOf = (user) => user.name || user.email || user.username || user.user_id;

/** The page of a user. */
export const linkTo = (id) => at`/users/${id}`;

const SYSTEMS = [
  [/iPhone|iPad/, 'iOS'], [/Android/, 'Android'],
  [/Windows/, 'Windows'], [/Mac OS X|Macintosh/, 'macOS'], [/CrOS/, 'ChromeOS'], [/Linux/, 'Linux'],
];
// The first that fits: browsers also call themselves by the names of others.
const BROWSERS = [
  [/Edg\//, 'Edge'], [/OPR\//, 'Opera'], [/Firefox\//, 'Firefox'], [/HeadlessChrome|Chrome\//, 'Chrome'], [/Safari\//, 'Safari'],
];

/** "Firefox on Linux", or what the program calls itself. */
export function deviceOf(agent) {
  if (!agent) return undefined;
  const [, browser] = BROWSERS.find(([pattern]) => pattern.test(agent)) ?? [];
  const [, system] = SYSTEMS.find(([pattern]) => pattern.test(agent)) ?? [];
  if (browser) return system ? `${browser} on ${system}` : browser;
  return agent.length > 60 ? `${agent.slice(0, 60)}…` : agent;
}

/** Why a family of refresh tokens ended: what to call it, and what happened. */
const ENDS = {
  reuse: ['Reuse detected', 'A refresh token that had been replaced was used again. Somebody may have stolen it, '
    + 'so every token of this login ended.', true],
  other_client: ['Used by another application', 'Another application presented a refresh token of this one. '
    + 'It must have leaked, so every token of this login ended.', true],
  code_replay: ['Code used twice', 'The authorization code that began this login was presented again. '
    + 'It may have been stolen, so every token of this login ended.', true],
  client: ['Revoked by the application', 'The application gave its refresh token back.'],
  logout: ['Logout', 'The user logged out, and refresh tokens end with the session.'],
  user_blocked: ['User blocked', 'An administrator blocked the user.'],
  password_change: ['Password changed', 'The password was changed, which ends the logins from before.'],
  limit: ['Too many logins', 'The user logged in again so often that the oldest login of the application had to go.'],
  management: ['Revoked by an administrator', 'An administrator revoked it, here or through the Management API.'],
  consent_withdrawn: ['Consent withdrawn', 'The consent that it was issued under was withdrawn.'],
  action: ['Revoked by an Action', 'One of your Actions revoked it.'],
  expired_idle: ['Expired: not used', 'It was not exchanged for as long as the application allows.'],
  expired_absolute: ['Expired: too old', 'It reached the lifetime that it was issued with.'],
};

/** `{title, sentence, isAlarm}` of a reason of the server. */
export function endOf(reason) {
  const [title, sentence, isAlarm = false] = ENDS[reason] ?? ['Ended', `The server says: ${reason}.`];
  return { title, sentence, isAlarm };
}

const GRANTS = {
  authorization_code: 'Login page', password: 'Password grant', device_code: 'Device login', passwordless_otp: 'Passwordless code',
};

/** How a login came about. */
export const grantOf = (grant) => GRANTS[grant] ?? grant;

const TAKEN = 'Somebody in this connection has this address or user name already.';

/** An error of the Management API about users, with the member that it is about where the server names none. */
export function beside(error) {
  if (error.property) return error;
  const missing = /Missing required property: (\w+)/.exec(error.message);
  const password = /^Password\w*Error: (.*)$/s.exec(error.message);
  if (missing) Object.assign(error, { property: missing[1], message: 'This is needed here.' });
  else if (password) Object.assign(error, { property: 'password', message: password[1] });
  else if (/username/i.test(error.message)) error.property = 'username';
  else if (error.kind === 'conflict') Object.assign(error, { property: 'email', message: TAKEN });
  return error;
}

/** Runs a write of a form; errors come with their place. */
export async function placed(write) {
  try {
    return await write();
  } catch (error) {
    throw error.kind ? beside(error) : error;
  }
}
