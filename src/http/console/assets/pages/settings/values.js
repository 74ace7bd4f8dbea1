// The settings of the tenant as a form holds them, and as the Management API writes them.

/** Lifetimes: answered in hours, typed in seconds, written in minutes. */
export const LIFETIMES = [
  'session_lifetime', 'idle_session_lifetime', 'ephemeral_session_lifetime', 'idle_ephemeral_session_lifetime',
];

/** What the server does where nothing was set. */
const DEFAULTS = {
  ephemeral_session_lifetime: 72, idle_ephemeral_session_lifetime: 24,
};

/** Members that are written whole, even where one of their members changed. */
const WHOLE = ['error_page', 'device_flow', 'session_cookie', 'sessions', 'oidc_logout'];

const seconds = (hours) => (Number.isFinite(hours) ? Math.round(hours * 3_600) : undefined);

/** The values of the form. What this server does not act upon is not among them. */
export function toForm(settings) {
  const text = (name) => settings[name] ?? '';
  const { error_page: errors, device_flow: device, flags = {} } = settings;
  return {
    friendly_name: text('friendly_name'),
    picture_url: text('picture_url'),
    support_email: text('support_email'),
    support_url: text('support_url'),
    default_audience: text('default_audience'),
    default_directory: text('default_directory'),
    default_redirection_uri: text('default_redirection_uri'),
    allowed_logout_urls: settings.allowed_logout_urls ?? [],
    enabled_locales: settings.enabled_locales ?? [],
    error_page: { ...errors, url: errors?.url ?? '', show_log_link: errors?.show_log_link ?? false },
    device_flow: { ...device, charset: device?.charset ?? 'base20', mask: device?.mask ?? '' },
    session_cookie: { mode: settings.session_cookie?.mode ?? 'persistent' },
    sessions: { oidc_logout_prompt_enabled: settings.sessions?.oidc_logout_prompt_enabled ?? true },
    oidc_logout: {
      rp_logout_end_session_endpoint_discovery: settings.oidc_logout?.rp_logout_end_session_endpoint_discovery ?? true,
    },
    flags: {
      enable_client_connections: flags.enable_client_connections ?? true,
      enable_public_signup_user_exists_error: flags.enable_public_signup_user_exists_error ?? false,
      revoke_refresh_token_grant: flags.revoke_refresh_token_grant ?? false,
      remove_alg_from_jwks: flags.remove_alg_from_jwks ?? false,
    },
    ...Object.fromEntries(LIFETIMES.map((name) => [name, seconds(settings[name] ?? DEFAULTS[name])])),
  };
}

const minutesName = (name) => `${name}_in_minutes`;

/** The body of a PATCH that makes `values` what `changes` names of them. */
export function toBody(values, changes) {
  const body = { ...changes };
  for (const name of WHOLE) if (name in body) body[name] = values[name];
  for (const name of LIFETIMES) {
    if (!(name in body)) continue;
    delete body[name];
    body[minutesName(name)] = Number.isFinite(values[name]) ? values[name] / 60 : values[name] ?? null;
  }
  return body;
}

/** The same error, beside the field that stands for the member it names. */
export function inForm(error) {
  const name = LIFETIMES.find((lifetime) => error.property === minutesName(lifetime));
  return name ? Object.assign(error, { property: name }) : error;
}
