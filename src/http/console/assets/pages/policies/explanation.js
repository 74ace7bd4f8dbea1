// What the server says of the policy in the form: the same function that decides each exchange, with
// the draft in the place of what is saved.

import { api } from '../../core/api.js';
import { useMemo } from '../../core/html.js';
import { useLoad } from '../../core/load.js';
import { useDebounced } from '../../parts/table.js';
import { orNone } from './model.js';

/** As many exchanges as the server explains at once. */
const MOST = 101;

/** The login that the preview supposes: nobody in particular, for the first API of the policy. */
export const firstLogin = (policies) => ({
  audience: policies[0]?.audience ?? '', scope: 'openid profile email offline_access', user: undefined, asked: '',
});

/** The APIs whose exchanges are shown: that of the login, then those of the draft, then those that saving takes away. */
export function audiencesOf(login, draft, saved) {
  const others = [...draft, ...saved].map(({ audience }) => audience);
  return [login.audience, ...new Set(others.filter((one) => one !== login.audience))].slice(0, MOST);
}

/**
 * `{told, before, error, busy}`: what exchanges give with the draft, and what they give now. Both of one login.
 */
export function useExplanation({ clientId, login, draft, saved, dirty, version }) {
  const question = useMemo(() => JSON.stringify({
    client_id: clientId,
    user_id: login.user?.id,
    login_audience: login.audience,
    login_requested_scope: login.scope,
    scope: login.asked.trim() || undefined,
    audiences: audiencesOf(login, draft, saved),
  }), [clientId, login, draft, saved]);
  const policies = JSON.stringify(orNone(draft));
  const settled = useDebounced(`${question}\n${policies}\n${dirty}`, 300);
  const load = useLoad(async (signal) => {
    const [asked, entries, changed] = settled.split('\n');
    const explain = (more) => api.post('refresh-tokens/explain', { ...JSON.parse(asked), ...more }, { signal });
    const [told, before] = await Promise.all([
      explain({ policies: JSON.parse(entries) }), changed === 'true' ? explain({}) : undefined]);
    return { told, before, of: settled };
  }, [settled, version]);
  return {
    told: load.data?.told,
    before: load.data?.before,
    error: load.error,
    retry: load.reload,
    busy: load.loading || load.data?.of !== `${question}\n${policies}\n${dirty}`,
  };
}
