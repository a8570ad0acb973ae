using Kalshi.Daemon.Dedup;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>What tests of a <see cref="BookMerge"/> without turns of stores do to it.</summary>
internal static class MergeCalls
{
    /// <summary>A turn in which each gatherer was told as far; whether it leaves something to the next one.</summary>
    public static bool Turn(this BookMerge merge, int gatherers, long watermark)
    {
        for (var gatherer = 0; gatherer < gatherers; gatherer++)
        {
            merge.OnProgress(gatherer, watermark);
        }

        return merge.OnTurn(watermark);
    }

    /// <summary>A merge that was told nothing remembers what another one wrote.</summary>
    public static void Restore(this BookMerge merge, MemoryStream state)
    {
        TurnRig.Read(state, merge.ReadAll);
        merge.EndRestore();
    }
}
