using System.Runtime.CompilerServices;

namespace Kalshi.Daemon.Exchange.Protocol;

/// <summary>
/// Decimal text → integers, exactly, without floating point: `[-]digits[.digits]`. Decimals beyond those the unit can hold must
/// be zero ("0.6700000000" is 670,000 micro-dollars, "0.0000001" is refused). No sign but `-`, no exponent, no blanks.
/// Thread-safe, allocates nothing.
/// </summary>
internal static class Decimals
{
    public const int MicroDollarsPerDollar = 1_000_000;
    public const int MicroDollarsPerCent = 10_000;
    public const int HundredthsPerContract = 100;

    private static ReadOnlySpan<long> Powers => [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];

    /// <summary>Dollars → micro-dollars; false beyond int32 (±2,147 $).</summary>
    public static bool TryParsePrice(ReadOnlySpan<byte> text, out int microDollars)
    {
        var isParsed = TryParse(text, 6, out var value) && value == (int)value;
        microDollars = isParsed ? (int)value : 0;
        return isParsed;
    }

    /// <summary>Contracts → hundredths of a contract.</summary>
    public static bool TryParseQuantity(ReadOnlySpan<byte> text, out long hundredths) => TryParse(text, 2, out hundredths);

    /// <summary>A whole number; zero decimals are allowed ("51", "51.00").</summary>
    public static bool TryParseWhole(ReadOnlySpan<byte> text, out long value) => TryParse(text, 0, out value);

    /// <summary>`text` × 10^decimals; `decimals` 0 to 6. Magnitudes up to long.MaxValue.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, int decimals, out long value)
    {
        value = 0;
        var at = 0;
        var isNegative = text.Length > 0 && text[0] == '-';
        if (isNegative)
        {
            at++;
        }

        ulong number = 0;
        var digitsStart = at;
        while (at < text.Length && (uint)(text[at] - '0') <= 9)
        {
            if (number > long.MaxValue / 10)
            {
                return false;
            }

            number = (number * 10) + (uint)(text[at++] - '0');
        }

        if (at == digitsStart)
        {
            return false;
        }

        var missing = decimals;
        if (at < text.Length)
        {
            if (text[at++] != '.' || at == text.Length)
            {
                return false;
            }

            for (; at < text.Length; at++)
            {
                var digit = (uint)(text[at] - '0');
                if (digit > 9 || (missing == 0 && digit != 0))
                {
                    return false;
                }

                if (missing > 0)
                {
                    if (number > long.MaxValue / 10)
                    {
                        return false;
                    }

                    number = (number * 10) + digit;
                    missing--;
                }
            }
        }

        var high = Math.BigMul(number, (ulong)Powers[missing], out var low);
        if (high != 0 || low > long.MaxValue)
        {
            return false;
        }

        value = isNegative ? -(long)low : (long)low;
        return true;
    }
}
