namespace Kalshi.Daemon.Dedup;

/// <summary>Two gatherers that vouch for a market's stream say different things of what follows `After`. Both versions are kept.</summary>
/// <param name="Number">Unique within the market, from 1; identity of the row.</param>
/// <param name="FoundAt">received_at of the row that showed it, µs.</param>
/// <param name="Held">What production held when it was found; its first difference.</param>
/// <param name="HeldBy">Gatherers that said so then, as bits by index.</param>
/// <param name="Other">What the other one says.</param>
/// <param name="SettledAt">received_at of the snapshot that settled it, µs; 0 while it is open.</param>
/// <param name="Verdict">Empty while open; "held", "other", or "undecided", and by what.</param>
internal readonly record struct Disagreement(
    int Market, int Number, long FoundAt, ChangeKey After, MarketChange Held, uint HeldBy, MarketChange Other, int OtherBy, long SettledAt, string Verdict);
