// The window of a login that is being tried comes back to `/admin/try` and tells the page that waits
// for it. On a channel: the login may have cut what tied the window to that page.

const CHANNEL = 'doorward-try';
const PATH = '/admin/try';

/** Whether this window is that of a login that is being tried. */
export const isReturn = () => location.pathname === PATH;

/** Tells the answer that stands in the address. */
export function tellAnswer() {
  const answer = Object.fromEntries(new URLSearchParams(location.search));
  history.replaceState(null, '', PATH);
  new BroadcastChannel(CHANNEL).postMessage(answer);
}

/** The answer to the request with this `state`. `onStop` is given what ends the waiting, with no answer. */
export function answerOn(state, onStop) {
  return new Promise((resolve) => {
    const channel = new BroadcastChannel(CHANNEL);
    const end = (answer) => {
      channel.close();
      resolve(answer);
    };
    channel.addEventListener('message', ({ data }) => data?.state === state && end(data));
    onStop(() => end(undefined));
  });
}
