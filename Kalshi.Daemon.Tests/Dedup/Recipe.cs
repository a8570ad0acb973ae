namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>In which order a turn tells the gatherers' rows.</summary>
internal enum TurnOrder
{
    /// <summary>By received_at, as production does.</summary>
    ByReceivedAt,

    /// <summary>Any, but for each gatherer's own.</summary>
    Shuffled,

    /// <summary>All of the seed's rows of one gatherer, then the next.</summary>
    OneAfterAnother,
}

/// <summary>What a seed asks for. Times in µs, rates as expected numbers for a connection over the whole seed.</summary>
internal sealed record Recipe
{
    private const long Second = 1_000_000;

    public required int Seed { get; init; }
    public required int Gatherers { get; init; }
    public required int Markets { get; init; }
    public required int ChangesMax { get; init; }
    public required long Duration { get; init; }
    public required long Margin { get; init; }
    public required long LagBudget { get; init; }

    /// <summary>How far clocks are off, and how late rows may come.</summary>
    public required long SkewMax { get; init; }
    public required long DelayMax { get; init; }

    public required bool AreStampsCut { get; init; }
    public required bool HasUnstamped { get; init; }

    /// <summary>Share of steps with many changes at one instant, and with changes that cancel each other out.</summary>
    public required double BulkShare { get; init; }
    public required double PairShare { get; init; }

    public required double Drops { get; init; }
    public required double Breaks { get; init; }
    public required double Rejects { get; init; }
    public required double LetGoes { get; init; }
    public required double Audits { get; init; }

    /// <summary>Of gatherers, not of connections.</summary>
    public required double Restarts { get; init; }
    public required double Replacements { get; init; }
    public required double Absences { get; init; }

    /// <summary>Changes lost on the exchange's side, for any of the gatherers or for all.</summary>
    public required int LostByExchange { get; init; }

    public required TurnOrder Order { get; init; }
    public required double KillShare { get; init; }
    public required bool IsContradicted { get; init; }

    public static Recipe Of(int seed)
    {
        var random = new Random(seed);
        double Some(double share, double most) => random.NextDouble() < share ? random.NextDouble() * most : 0;
        var isLarge = random.NextDouble() < 0.03;
        var isContradicted = !isLarge && random.NextDouble() < 0.1;
        var isTight = random.NextDouble() < 0.2;
        var recipe = new Recipe
        {
            Seed = seed,
            Gatherers = random.NextDouble() < 0.7 || isContradicted ? 3 : random.Next(1, 5),
            Markets = isLarge ? random.Next(8, 20) : random.Next(1, 5),
            ChangesMax = isLarge ? 2_500 : random.NextDouble() < 0.3 ? 30 : 300,
            Duration = random.Next(30, 400) * Second,
            Margin = (isTight ? 3 : 10) * Second,
            LagBudget = random.Next(15, 60) * Second,
            SkewMax = isTight ? Second / 2 : 2 * Second,
            DelayMax = isTight ? Second : random.Next(1, 5) * Second,
            AreStampsCut = random.NextDouble() < 0.25,
            HasUnstamped = random.NextDouble() < 0.1,
            BulkShare = Some(0.6, 0.3),
            PairShare = Some(0.5, 0.4),
            Drops = Some(0.7, 4),
            Breaks = Some(0.6, 3),
            Rejects = Some(0.3, 3),
            LetGoes = Some(0.3, 2),
            Audits = Some(0.7, 8),
            Restarts = Some(0.3, 1.5),
            Replacements = Some(0.15, 1),
            Absences = Some(0.5, 2),
            LostByExchange = random.NextDouble() < 0.4 ? random.Next(1, 8) : 0,
            Order = random.NextDouble() switch { < 0.7 => TurnOrder.ByReceivedAt, < 0.9 => TurnOrder.Shuffled, _ => TurnOrder.OneAfterAnother },
            KillShare = Some(0.3, 0.5),
            IsContradicted = isContradicted,
        };
        return seed % 4 == 0 ? recipe with { LagBudget = recipe.Margin } : recipe; // As short as it may be.
    }
}
