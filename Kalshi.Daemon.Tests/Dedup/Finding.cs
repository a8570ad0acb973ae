namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>Something that production must not be. `Kind`: the place in the check that found it, or 0: a shrunk scenario must fail in the same way.</summary>
internal readonly record struct Finding(int Market, string Sentence, int Kind = 0)
{
    public override string ToString() => $"market {Market}: {Sentence}";
}
