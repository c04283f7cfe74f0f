// Only what makes the console pleasanter; every verb works without this file.
"use strict";

// A form is sent once: a second press while the answer is on its way would only be refused.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
});

// Back from the browser's store: it may be sent again.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
    }
  }
});

// A part of the page that somebody is in, or has unfolded, is not replaced under their hands.
document.addEventListener("htmx:beforeRequest", (event) => {
  const part = event.detail.elt;
  if (part.contains(document.activeElement) || part.querySelector("details[open]")) {
    event.preventDefault();
  }
});

// On a phone the list of pages is one line: the page that is open stands in it.
document.querySelector(".places [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
