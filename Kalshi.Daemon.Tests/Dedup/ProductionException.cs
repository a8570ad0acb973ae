namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>Production cannot be as a merge says.</summary>
internal sealed class ProductionException(int market, string message, Exception? inner = null) : Exception(message, inner)
{
    public int Market => market;
}
