"""The shop's tables. Amounts are in pence, times are ISO texts; its back office works on the same ones."""

from __future__ import annotations

__all__ = ["SCHEMA"]

SCHEMA = """
CREATE TABLE shop_category (
    id INTEGER PRIMARY KEY, parent INTEGER, slug TEXT NOT NULL UNIQUE, name TEXT NOT NULL, about TEXT NOT NULL
);
CREATE TABLE shop_product (
    id INTEGER PRIMARY KEY, top INTEGER NOT NULL, category INTEGER NOT NULL, name TEXT NOT NULL, brand TEXT NOT NULL,
    sku TEXT NOT NULL UNIQUE, price INTEGER NOT NULL, stock INTEGER NOT NULL, status TEXT NOT NULL DEFAULT 'active',
    rating REAL NOT NULL DEFAULT 0, reviews INTEGER NOT NULL DEFAULT 0, added TEXT NOT NULL, about TEXT NOT NULL
);
CREATE INDEX shop_product_category_price ON shop_product (category, status, price);
CREATE INDEX shop_product_category_added ON shop_product (category, status, added);
CREATE INDEX shop_product_top_price ON shop_product (top, status, price);
CREATE INDEX shop_product_top_added ON shop_product (top, status, added);
CREATE INDEX shop_product_name ON shop_product (name);
CREATE INDEX shop_product_price ON shop_product (price);
CREATE INDEX shop_product_stock ON shop_product (stock);
CREATE INDEX shop_product_rating ON shop_product (status, rating);
CREATE INDEX shop_product_added ON shop_product (status, added);
CREATE TABLE shop_variant (
    id INTEGER PRIMARY KEY, product INTEGER NOT NULL, size TEXT NOT NULL, colour TEXT NOT NULL, price INTEGER NOT NULL,
    stock INTEGER NOT NULL
);
CREATE INDEX shop_variant_product ON shop_variant (product);
CREATE TABLE shop_review (
    id INTEGER PRIMARY KEY, product INTEGER NOT NULL, username TEXT NOT NULL, author TEXT NOT NULL,
    rating INTEGER NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL, at TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'approved'
);
CREATE INDEX shop_review_product ON shop_review (product, status);
CREATE INDEX shop_review_status ON shop_review (status, at);
CREATE INDEX shop_review_rating ON shop_review (status, rating, at);
CREATE INDEX shop_review_username ON shop_review (username);
CREATE TABLE shop_customer (
    username TEXT PRIMARY KEY, phone TEXT NOT NULL, newsletter INTEGER NOT NULL, letter TEXT NOT NULL DEFAULT 'monthly',
    blocked INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE shop_address (
    id INTEGER PRIMARY KEY, username TEXT NOT NULL, label TEXT NOT NULL, name TEXT NOT NULL, street TEXT NOT NULL,
    town TEXT NOT NULL, postcode TEXT NOT NULL, phone TEXT NOT NULL, main INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX shop_address_username ON shop_address (username);
CREATE TABLE shop_cart (
    owner TEXT NOT NULL, variant INTEGER NOT NULL, quantity INTEGER NOT NULL, PRIMARY KEY (owner, variant)
);
CREATE TABLE shop_wish (username TEXT NOT NULL, product INTEGER NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (username, product));
CREATE TABLE shop_coupon (
    code TEXT PRIMARY KEY, kind TEXT NOT NULL, value INTEGER NOT NULL, least INTEGER NOT NULL, ends TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE shop_order (
    id INTEGER PRIMARY KEY, username TEXT NOT NULL, at TEXT NOT NULL, status TEXT NOT NULL, subtotal INTEGER NOT NULL,
    discount INTEGER NOT NULL, delivery INTEGER NOT NULL, total INTEGER NOT NULL, refunded INTEGER NOT NULL DEFAULT 0,
    coupon TEXT NOT NULL, way TEXT NOT NULL, day TEXT NOT NULL, payment TEXT NOT NULL, name TEXT NOT NULL,
    street TEXT NOT NULL, town TEXT NOT NULL, postcode TEXT NOT NULL, phone TEXT NOT NULL
);
CREATE INDEX shop_order_username ON shop_order (username, at);
CREATE INDEX shop_order_at ON shop_order (at);
CREATE INDEX shop_order_status ON shop_order (status, at);
CREATE TABLE shop_line (
    id INTEGER PRIMARY KEY, "order" INTEGER NOT NULL, product INTEGER NOT NULL, variant INTEGER NOT NULL,
    name TEXT NOT NULL, options TEXT NOT NULL, price INTEGER NOT NULL, quantity INTEGER NOT NULL
);
CREATE INDEX shop_line_order ON shop_line ("order", product, price, quantity);
CREATE INDEX shop_line_product ON shop_line (product);
"""
