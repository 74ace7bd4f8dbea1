(function () {
  "use strict";
  var message = document.getElementById("message").dataset;
  var application = window.opener || (window.parent !== window ? window.parent : null);
  if (application) {
    // The origin is that of the registered redirect URI: no other window may read the message.
    application.postMessage(
      { type: "authorization_response", response: JSON.parse(message.response) },
      message.origin
    );
  }
})();
