/** Shows what is pushed, and opens the page where it is clicked. Served from the root of the page. */

/** What the page calls each type of message. */
const TITLES = { 'order.late': 'Your order is late' };

self.addEventListener('push', (event) => {
  const { id, type } = event.data.json();
  // The same tag: a push that comes twice is shown once.
  const options = { tag: id, body: 'Nobody has answered yet.', data: { url: '/' } };
  event.waitUntil(self.registration.showNotification(TITLES[type] ?? 'You have a message', options));
});

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(show(event.notification.data.url));
});

async function show(url) {
  const windows = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  return windows.length > 0 ? await windows[0].focus() : await self.clients.openWindow(url);
}
