namespace Kalshi.Daemon.Dedup.Reading;

/// <summary>Is told of production's books by <see cref="ProductionBooks"/>: market after market, each as of one moment.</summary>
internal interface IProductionBooks
{
    /// <summary>`market` is valid until <see cref="EndMarket"/>.</summary>
    void BeginMarket(int marketId, ProductionMarket market);

    /// <summary>In order of key.</summary>
    void OnChange(in MergedChange change);

    void EndMarket();
}
