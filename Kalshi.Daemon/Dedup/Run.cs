using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Dedup;

/// <summary>What a gatherer's run of a market has to do with production.</summary>
internal enum RunState : byte
{
    /// <summary>The gatherer has no run of the market.</summary>
    None,

    /// <summary>Nothing says yet where it belongs: its changes are kept.</summary>
    Pending,

    /// <summary>It is within a stretch or at its end.</summary>
    Attached,

    /// <summary>It is at the end of a stretch, and its next changes may be those of the stretch behind it: they are kept until that is certain.</summary>
    Joining,

    /// <summary>It contradicts its stretch: its changes from there on are kept until a snapshot tells who is right.</summary>
    Dissenting,
}

/// <summary>
/// One gatherer's dense piece of a market's stream within an epoch, as far as more must be known of it than where it is attached. Kept for
/// pending, joining and dissenting runs, and for attached ones that are behind the window.
/// </summary>
internal sealed class Run
{
    public int Gatherer;
    public long EpochId;

    /// <summary>received_at of its first row.</summary>
    public long OpenedAt;

    /// <summary>Position and digest of what is known to be production's: for attached and dissenting runs.</summary>
    public ChangeKey Key = ChangeKey.None;

    /// <summary>Digest at `Key`; of a pending run, before its first change. Meaningless unless <see cref="HasBook"/>.</summary>
    public ulong Digest;

    /// <summary>False until the first snapshot of a run that began without one.</summary>
    public bool HasBook;

    /// <summary>The book before the first change of a pending run; null when nobody will need it.</summary>
    public Level[]? Yes;
    public Level[]? No;

    /// <summary>Changes that wait.</summary>
    public List<MarketChange> Changes = [];

    /// <summary>How many of the changes led to a snapshot of the run's own, and when that was received; 0: none yet.</summary>
    public int Checked;
    public long CheckedAt;

    /// <summary>Watermark at which production's changes of its time were asked for last.</summary>
    public long RecalledAt;

    /// <summary>Set when the gatherer's run is over but its place is not known.</summary>
    public bool IsEnded;
    public long CoveredTo;
    public string Reason = "";

    /// <summary>Of a dissenting run: its row.</summary>
    public Disagreement Disagreement;

    public long LastReceivedAt => Changes.Count > 0 ? Changes[^1].ReceivedAt : OpenedAt;

    /// <summary>Digest behind the first `count` changes.</summary>
    public ulong DigestAfter(int count)
    {
        var digest = Digest;
        for (var i = 0; i < count; i++)
        {
            digest += BookDigest.Of(Changes[i]);
        }

        return digest;
    }

    public void RemoveFirst(int count)
    {
        Changes.RemoveRange(0, count);
        Checked = Math.Max(0, Checked - count);
    }

    /// <summary>Whether the book was this one before or after one of the changes.</summary>
    public bool PassesThrough(ulong digest)
    {
        var passed = Digest;
        for (var i = 0; i < Changes.Count && passed != digest; i++)
        {
            passed += BookDigest.Of(Changes[i]);
        }

        return passed == digest;
    }

    public ulong DigestAtEnd => DigestAfter(Changes.Count);

    /// <summary>How many changes carry the first one's stamp.</summary>
    public int FirstInstantCount
    {
        get
        {
            var count = 0;
            while (count < Changes.Count && Changes[count].At == Changes[0].At)
            {
                count++;
            }

            return count;
        }
    }
}

/// <summary>A gatherer's run of a market where it is nearly always: attached, at most some changes behind. Small, since there is one a market and gatherer.</summary>
internal struct RunSlot
{
    public long EpochId;
    public Stretch? Stretch;
    public Run? Detail;

    /// <summary>Changes of the stretch's window that it has not confirmed; only without a `Detail`.</summary>
    public int Lag;
    public int Vouch;

    /// <summary>received_at of the run's first row.</summary>
    public long OpenedAt;
    public RunState State;

    /// <summary>Whether a change proved its place; else it may be taken back.</summary>
    public bool IsProven;
}
