// The flows in which Actions run, in words.

/** `{id, title, handler, next, when, end, about}` in the order in which people meet them. */
export const triggers = [
  {
    id: 'post-login', title: 'Login', handler: 'onExecutePostLogin',
    next: 'login',
    when: 'Somebody has logged in, or an application exchanges a refresh token',
    end: 'The application gets its tokens',
    about: 'Runs at each login and at each exchange of a refresh token. Adds claims and scopes, refuses, or asks for more.',
  },
  {
    id: 'credentials-exchange', title: 'Machine to machine', handler: 'onExecuteCredentialsExchange',
    next: 'token',
    when: 'An application asks for a token for itself',
    end: 'The application gets its token',
    about: 'Runs when an application gets a token with its own credentials. Adds claims, or refuses.',
  },
  {
    id: 'pre-user-registration', title: 'Before sign-up', handler: 'onExecutePreUserRegistration',
    next: 'sign-up',
    when: 'Somebody signs up',
    end: 'The account is created',
    about: 'Runs before somebody gets an account. Refuses, or sets metadata to begin with.',
  },
  {
    id: 'post-user-registration', title: 'After sign-up', handler: 'onExecutePostUserRegistration',
    next: 'sign-up',
    when: 'An account was created by a sign-up',
    end: 'Nobody waits for it',
    about: 'Runs after somebody has got an account, while nobody waits. Tells other systems.',
  },
  {
    id: 'post-change-password', title: 'After a new password', handler: 'onExecutePostChangePassword',
    next: 'new password',
    when: 'A password was changed',
    end: 'Nobody waits for it',
    about: 'Runs after a password was changed, while nobody waits. Tells other systems.',
  },
];

/** What is known of a trigger; of one that this server does not run, its id. */
export const triggerOf = (id) => triggers.find((one) => one.id === id)
  ?? { id, title: id, next: 'one', about: 'This server does not run it.' };

/** The trigger that an Action is for. */
export const triggerOfAction = (action) => triggerOf(action.supported_triggers[0].id);

/** How far an Action has come: `{kind, text}` of a badge. */
export function stateOf(action) {
  const { deployed_version: version, all_changes_deployed: same } = action;
  if (!version) return { kind: 'neutral', text: 'Never deployed' };
  if (same) return { kind: 'good', text: `Version ${version.number} deployed` };
  return { kind: 'warning', text: `Version ${version.number} deployed, draft changed` };
}
