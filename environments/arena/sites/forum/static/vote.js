// Votes without loading the page again; without this script the form does the same.
'use strict';
for (const form of document.querySelectorAll('form.vote')) {
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const body = new URLSearchParams({value: event.submitter.value, script: '1'});
    const reply = await fetch(form.action, {method: 'POST', body});
    if (reply.redirected) { location.href = reply.url; return; }
    const {score, vote} = await reply.json();
    form.querySelector('.number').textContent = score;
    for (const button of form.querySelectorAll('button')) button.setAttribute('aria-pressed', String(Number(button.value) === vote));
  });
}
