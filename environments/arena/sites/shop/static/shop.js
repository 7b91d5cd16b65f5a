// Lists are sorted as soon as an order is chosen; a product shows the price and stock of what is chosen.
'use strict';

for (const select of document.querySelectorAll('.toolbar select')) {
  select.addEventListener('change', () => select.form.requestSubmit());
}

const form = document.querySelector('form[data-variants]');
if (form) {
  const variants = JSON.parse(form.dataset.variants);
  const price = document.querySelector('[data-price]');
  const stock = document.querySelector('[data-stock] .badge');
  form.addEventListener('change', () => {
    const chosen = ['size', 'colour'].map((name) => [name, form.elements[name]?.value ?? '']);
    const left = variants.filter((each) => chosen.every(([name, value]) => !value || each[name] === value));
    if (!left.length) return;
    const cheapest = Math.min(...left.map((each) => each.price));
    const count = left.reduce((sum, each) => sum + each.stock, 0);
    price.textContent = '£' + (cheapest / 100).toLocaleString('en-GB', {minimumFractionDigits: 2});
    stock.textContent = count ? (left.length === 1 && count < 6 ? `Only ${count} left` : 'In stock') : 'Sold out';
    stock.className = 'badge ' + (count ? 'good' : 'bad');
  });
}
