/** Asks the user, and hands what the browser subscribes with to the page's own backend. Call it from a click. */
export async function subscribe(publicKey) {
  const registration = await navigator.serviceWorker.register('/service-worker.js');
  const subscription = await registration.pushManager.subscribe({
    userVisibleOnly: true,
    applicationServerKey: publicKey,
  });
  // Your backend knows the user, and puts {userId, endpoint, keys} into the table.
  await fetch('/push-subscriptions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(subscription),
  });
}
