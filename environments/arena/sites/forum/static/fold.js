// Folds the answers to a comment away, and back.
'use strict';
const comments = [...document.querySelectorAll('.thread > li')];
for (const [number, comment] of comments.entries()) {
  const button = comment.querySelector('.fold');
  const depth = Number(comment.dataset.depth);
  const after = comments.slice(number + 1);
  const end = after.findIndex((other) => Number(other.dataset.depth) <= depth);
  const answers = end < 0 ? after : after.slice(0, end);
  if (!answers.length) { button.hidden = true; continue; }
  button.addEventListener('click', () => {
    const hide = button.textContent === '–';
    button.textContent = hide ? '+' : '–';
    for (const answer of answers) answer.hidden = hide;
  });
}
