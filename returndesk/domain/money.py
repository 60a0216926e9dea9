"""Money as integers: amounts are counted in the currency's own minor unit, and no float ever touches one.

Guarantees: an amount read from text is exact or refused; whatever is split sums to what it was split from;
the units of a line differ by at most one minor unit and the last one takes exactly what is left. One table
says how many decimals a currency has (ISO 4217), and where the processor counts it otherwise.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from returndesk.domain.errors import InvalidInput

AMOUNT_MAX_MINOR = 999_999_999_999
"""Twelve digits: the most Stripe takes for any currency, and far inside a 64-bit column."""


@dataclass(frozen=True)
class Currency:
    """A currency: its decimals by ISO 4217, and what one minor unit of ours is for the processor."""

    code: str
    exponent: int
    processor_scale: Fraction


_ISO_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN "
        "BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS "
        "GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR "
        "LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD "
        "PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN "
        "SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR "
        "ZMW"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
}
# docs.stripe.com/currencies: ISK and UGX are sent in hundredths although they have none (special cases); MGA
# is sent whole although ISO gives it two decimals (zero-decimal). HUF and TWD differ for payouts only.
_PROCESSOR_SCALE = {"ISK": Fraction(100), "UGX": Fraction(100), "MGA": Fraction(1, 100)}

CURRENCIES = {
    code: Currency(code, decimals, _PROCESSOR_SCALE.get(code, Fraction(1)))
    for decimals, codes in _ISO_DECIMALS.items()
    for code in codes.split()
}


def exponent(currency: str) -> int:
    """How many decimals a currency has: 0, 2 or 3. Raises `InvalidInput` (`unknown_currency`)."""
    return _currency(currency).exponent


def parse_minor(text: str, currency: str) -> int:
    """The amount in minor units a decimal text such as `12.34` stands for, exactly.

    Only digits, one point and a leading minus are read: no thousands separator is taken for a decimal point.
    Raises `InvalidInput`: `not_an_amount`, `too_many_decimals`, `amount_too_large`, `unknown_currency`.
    """
    decimals = exponent(currency)
    if not isinstance(text, str):
        raise InvalidInput("not_an_amount", "An amount is written as text, never as a floating point number.")
    match = re.fullmatch(r"(-?)([0-9]+)(?:\.([0-9]+))?", text.strip())
    if match is None:
        example = format_plain(1234, currency)
        raise InvalidInput("not_an_amount", f"Write the amount in digits, as in {example}.")
    sign, whole, fraction = match[1], match[2].lstrip("0"), match[3] or ""
    if len(fraction) > decimals:
        raise InvalidInput("too_many_decimals", f"An amount in {currency} has at most {decimals} decimals.")
    digits = whole + fraction.ljust(decimals, "0")
    if len(digits) > len(str(AMOUNT_MAX_MINOR)):
        most = format_plain(AMOUNT_MAX_MINOR, currency)
        raise InvalidInput("amount_too_large", f"An amount in {currency} is at most {most}.")
    return int(sign + (digits or "0"))


def format_plain(amount_minor: int, currency: str) -> str:
    """The amount as plain decimal text: `12.34`, `1234` or `1.234`; what `parse_minor` reads back."""
    decimals = exponent(currency)
    sign = "-" if amount_minor < 0 else ""
    digits = str(abs(amount_minor)).rjust(decimals + 1, "0")
    if decimals == 0:
        return sign + digits
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"


def allocate(total: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Split `total` minor units in proportion to `weights`, by largest remainder; ties go to the earlier one.

    The parts sum to `total`. Where all weights are 0, all weigh the same. Raises `InvalidInput`
    (`cannot_allocate`) for a negative total or weight, and for no weights at all.
    """
    if total < 0 or not weights or min(weights) < 0:
        raise InvalidInput("cannot_allocate", "Only 0 or more is split, and only over weights of 0 or more.")
    if not any(weights):
        weights = [1] * len(weights)
    whole = sum(weights)
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: -(total * weights[i] % whole))
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return tuple(parts)


def unit_slice(left: int, units_left: int, count: int) -> int:
    """What `count` more units are worth of the `units_left` that are together worth `left`.

    However units come back, the slices sum exactly to the whole; units differ by at most one minor unit, the
    dearer ones first. Raises `InvalidInput` (`not_so_many_units`).
    """
    if left < 0 or count < 0 or count > units_left:
        raise InvalidInput("not_so_many_units", "More units are asked for than the line has left.")
    if count == 0:
        return 0
    each, dearer = divmod(left, units_left)
    return each * count + min(count, dearer)


def to_processor(amount_minor: int, currency: str) -> int:
    """Our minor units as the integer the processor wants for this currency.

    Raises `InvalidInput` (`amount_not_payable`) for what it cannot pay: three-decimal amounts must end
    in 0, and MGA is paid in whole ariary (docs.stripe.com/currencies).
    """
    known = _currency(currency)
    amount = amount_minor * known.processor_scale
    if amount.denominator != 1 or (known.exponent == 3 and amount_minor % 10):
        raise InvalidInput("amount_not_payable", f"The processor does not pay so small a part of {currency}.")
    return amount.numerator


def from_processor(amount: int, currency: str) -> int:
    """The processor's integer in our minor units; the processor writes currencies in lower case.

    Raises `InvalidInput` (`amount_not_ours`) for a part of a minor unit, which no amount of ours has.
    """
    amount_minor = amount / _currency(currency.upper()).processor_scale
    if amount_minor.denominator != 1:
        raise InvalidInput("amount_not_ours", f"{currency.upper()} has no part so small.")
    return amount_minor.numerator


def _currency(code: str) -> Currency:
    if code not in CURRENCIES:
        raise InvalidInput("unknown_currency", "Write the currency as its ISO 4217 code: GBP.", "currency")
    return CURRENCIES[code]
