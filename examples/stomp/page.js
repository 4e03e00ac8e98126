/*
 * A page with stompjs 2.3.3, as it was written for Spring's broker. To serve it by Herald, one line was changed: the URL.
 */
var query = new URLSearchParams(location.search);
var user = query.get('user') || 'alice';
var device = query.get('device') || 'page';

// was: var url = 'ws://' + location.host + '/ws';
var url = `ws://${location.host}/local`;

function show(message) {
  var item = document.createElement('li');
  item.textContent = message.body;
  document.getElementById('messages').appendChild(item);
}

function setStatus(text) {
  document.getElementById('status').textContent = text;
}

function connect(token) {
  var client = Stomp.client(url);
  client.debug = null;
  client.connect(
    { Authorization: `Bearer ${token}`, 'X-GD-UID': device },
    () => {
      setStatus('connected');
      client.subscribe('/user/queue/notifications', show);
      client.subscribe('/topic/everyone', show);
    },
    (error) => {
      setStatus('closed');
      // Told of an ERROR, and then again of the close: only the second is a text.
      if (typeof error === 'string') setTimeout(connect, 5000, token);
    },
  );
}

// Stands for the page's own login.
fetch(`/console/token?user=${encodeURIComponent(user)}`)
  .then((answer) => answer.json())
  .then((answer) => {
    connect(answer.token);
  })
  .catch(() => setStatus('no token'));
