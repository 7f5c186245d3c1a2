"use strict";
// Keeps the page's live part up to date. Without it the page is loaded again every few seconds, and shows the same.
(() => {
  const live = document.getElementById("live");
  const status = document.getElementById("status");
  if (!live || !status || !window.EventSource) return;
  let stream = null;

  const say = (state, text) => {
    const said = text || status.dataset[state];
    status.className = `status status-${state}`;
    if (status.textContent !== said) status.textContent = said;
  };

  // Makes one element like another by changing only what differs: the focus and what is open stay where they are.
  const become = (shown, fresh) => {
    for (const { name } of [...shown.attributes]) {
      if (!fresh.hasAttribute(name) && !(shown.nodeName === "DETAILS" && name === "open")) shown.removeAttribute(name);
    }
    for (const { name, value } of [...fresh.attributes]) {
      if (shown.getAttribute(name) !== value) shown.setAttribute(name, value);
    }
    const ids = new Set([...fresh.children].map((child) => child.id).filter(Boolean));
    let at = shown.firstChild;
    for (const child of [...fresh.childNodes]) {
      const kept = child.id && shown.querySelector(`:scope > [id="${CSS.escape(child.id)}"]`);
      // What is gone before it goes first, so that what stays need not be moved: that would take the focus from it.
      if (kept) while (at && at !== kept && !ids.has(at.id)) at = remove(at);
      if (kept && kept !== at) {
        shown.insertBefore(kept, at);
        become(kept, child);
      } else if (at && at.nodeName === child.nodeName && (at.id || "") === (child.id || "")) {
        if (at.nodeType === Node.ELEMENT_NODE) become(at, child);
        else if (at.data !== child.data) at.data = child.data;
        at = at.nextSibling;
      } else shown.insertBefore(child, at);
    }
    while (at) at = remove(at);
  };

  const remove = (node) => {
    const next = node.nextSibling;
    node.remove();
    return next;
  };

  const open = () => {
    stream = new EventSource(location.href);
    stream.addEventListener("live", (event) => {
      const fresh = live.cloneNode(false);
      fresh.append(...new DOMParser().parseFromString(event.data, "text/html").body.childNodes);
      become(live, fresh);
      say("live");
    });
    stream.addEventListener("away", (event) => say("away", event.data));
    stream.onerror = () => {
      say("lost");
      // It is refused: perhaps one has to sign in again, which the page itself says.
      if (stream.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 3000);
    };
  };

  // A browser opens only a few connections to one server: a tab that nobody sees needs none.
  const follow = () => {
    if (document.hidden && stream) {
      stream.close();
      stream = null;
    } else if (!document.hidden && !stream) open();
  };
  document.addEventListener("visibilitychange", follow);
  window.addEventListener("pagehide", () => stream && stream.close());
  follow();
})();
