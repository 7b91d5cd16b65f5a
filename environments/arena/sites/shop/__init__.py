"""The shop: outdoor, home and garden goods, from finding a thing to getting it sent."""

from __future__ import annotations

from pathlib import Path

from environments.arena.accounts import SIGNING_IN, form
from environments.arena.look import SYNONYMS
from environments.arena.sites.shop import cart, catalogue, checkout, customer, orders
from environments.arena.sites.shop.tables import SCHEMA
from environments.arena.sites.shop.trading import seed
from environments.arena.visit import Route, Site, Visit

__all__ = ["SITE"]

SYNONYMS.update(
    {
        "Add to cart": ("Put in basket", "Buy this"),
        "Cart": ("Basket", "Trolley"),
        "Check out": ("Go to the till", "Order now"),
        "Continue": ("Go on", "Proceed"),
        "Place order": ("Buy now", "Confirm purchase"),
        "Apply coupon": ("Redeem code", "Use coupon"),
        "Apply filters": ("Update results", "Narrow down"),
        "Coupon code": ("Voucher code", "Promotion code"),
        "Remove": ("Take out", "Drop"),
        "Update": ("Change quantity", "Refresh"),
        "Orders": ("My orders", "Purchases"),
        "Wish list": ("Favourites", "Saved things"),
        "Add to wish list": ("Remember this", "Save for later"),
        "Account": ("My account", "Your details"),
        "Cancel order": ("Call off this order", "Withdraw order"),
        "Order again": ("Buy again", "Repeat this order"),
        "Write a review": ("Review this", "Give your opinion"),
        "Send review": ("Submit review", "Hand in"),
        "Lowest price": ("Price from", "Minimum price"),
        "Highest price": ("Price to", "Maximum price"),
        "Add address": ("New address", "Enter another address"),
        "Edit my profile": ("Change my details", "Update my profile"),
        "Addresses": ("Address book", "Where we deliver"),
    }
)


def navigation(visit: Visit) -> list[tuple[str, str]]:
    rows = visit.all("SELECT name, slug FROM shop_category WHERE parent IS NULL ORDER BY id")
    return [(row["name"], f"/category/{row['slug']}") for row in rows]


SITE = Site(
    name="shop",
    title="Larch & Lantern",
    schema=SCHEMA,
    seed=seed,
    routes=(
        Route("/", catalogue.home),
        Route("/category/{slug}", catalogue.category),
        Route("/search", catalogue.search),
        Route("/suggest", catalogue.suggest),
        Route("/product/{id:int}", catalogue.product),
        Route("/product/{id:int}/cart", catalogue.product, cart.add),
        Route("/product/{id:int}/wish", post=customer.wish),
        Route("/product/{id:int}/review", customer.review, customer.save_review),
        Route("/cart", cart.cart),
        Route("/cart/coupon", cart.cart, cart.coupon),
        Route("/cart/{variant:int}", post=cart.change),
        Route("/checkout", checkout.address, checkout.save_address),
        Route("/checkout/delivery", checkout.delivery, checkout.save_delivery),
        Route("/checkout/payment", checkout.payment, checkout.save_payment),
        Route("/checkout/review", checkout.review, checkout.place),
        Route("/orders", orders.orders),
        Route("/orders/{id:int}", orders.order),
        Route("/orders/{id:int}/cancel", post=orders.cancel),
        Route("/orders/{id:int}/again", post=orders.again),
        Route("/account", customer.account),
        Route("/account/profile", customer.profile, customer.save_profile),
        Route("/account/newsletter", post=customer.save_newsletter),
        Route("/account/addresses", customer.addresses),
        Route("/account/addresses/new", customer.address, customer.save_address),
        Route("/account/addresses/{id:int}", customer.address, customer.save_address),
        Route("/account/addresses/{id:int}/delete", post=customer.drop_address),
        Route("/account/addresses/{id:int}/main", post=customer.main_address),
        Route("/wishes", customer.wishes),
        Route("/login", form, cart.sign_in_with_cart),
        *(route for route in SIGNING_IN if route.path != "/login"),
    ),
    folder=Path(__file__).parent,
    navigation=navigation,
)
