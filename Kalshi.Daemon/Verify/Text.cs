using System.Globalization;

namespace Kalshi.Daemon.Verify;

/// <summary>Values as people read them: exact decimals.</summary>
internal static class Text
{
    /// <summary>Micro-dollars with at least four decimals: 0.5400.</summary>
    public static string Dollars(int price) => (price / 1_000_000m).ToString("0.0000##", CultureInfo.InvariantCulture);

    /// <summary>Hundredths of a contract: 100.00.</summary>
    public static string Contracts(long quantity) => (quantity / 100m).ToString("0.00", CultureInfo.InvariantCulture);

    public static string Signed(long quantity) => (quantity / 100m).ToString("+0.00;-0.00;0.00", CultureInfo.InvariantCulture);

    public static string Count(long number) => number.ToString("#,0", CultureInfo.InvariantCulture);
}
