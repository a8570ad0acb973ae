using System.Text;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Store;

/// <summary>An epoch as kalshid.epochs tells it, and as its rows show it while they pass.</summary>
internal sealed class StoreEpoch
{
    public required long Id { get; init; }
    public required int Session { get; init; }
    public required int Sid { get; init; }

    /// <summary>What the table says; the numbers of one that is not over are some seconds old. Null: the table does not have it.</summary>
    public Epoch? Told { get; init; }

    /// <summary>Position of the record that ended it; `long.MaxValue` while it goes on.</summary>
    public long EndedAt { get; init; } = long.MaxValue;

    /// <summary>Its first rows are not read, because retention dropped them.</summary>
    public bool IsCut { get; init; }

    /// <summary>Counted from the rows; null before the first.</summary>
    public Epoch? Counted { get; set; }

    /// <summary>A number did not follow the one before.</summary>
    public bool IsOutOfOrder { get; set; }

    public static StoreEpoch Of(CopyRows rows, long epochId, long cutBefore)
    {
        var told = new Epoch
        {
            EpochId = epochId,
            Session = rows.Int32(),
            Sid = rows.Int32(),
            Channel = string.Intern(Encoding.UTF8.GetString(rows.Bytes())),
            FirstSeq = rows.Int64(),
            LastSeq = rows.Int64(),
            FromAt = epochId,
            ToAt = rows.Time(),
            Deltas = rows.Int64(),
            Snapshots = rows.Int64(),
            Trades = rows.Int64(),
            Lifecycle = rows.Int64(),
            Acks = rows.Int64(),
            Unknown = rows.Int64(),
            Rejected = rows.Int64(),
            EndReason = rows.Bytes() is { IsEmpty: false } reason ? Encoding.UTF8.GetString(reason) : null,
        };
        var recordedAt = rows.Time();
        return new StoreEpoch
        {
            Id = epochId,
            Session = told.Session,
            Sid = told.Sid,
            Told = told,
            EndedAt = told.EndReason is null ? long.MaxValue : recordedAt,
            IsCut = epochId < cutBefore,
        };
    }

    /// <summary>The epoch with nothing counted yet, from its first row read.</summary>
    public Epoch Start(long seq, long receivedAt) => Counted = new Epoch
    {
        EpochId = Id,
        Session = Session,
        Sid = Sid,
        Channel = Told?.Channel ?? "unknown",
        FirstSeq = seq,
        LastSeq = seq - 1,
        FromAt = receivedAt,
        ToAt = receivedAt,
    };

    /// <summary>Counts one numbered frame.</summary>
    public void Count(Epoch counted, FrameType type, bool isRejected)
    {
        switch (type)
        {
            case var _ when isRejected: counted.Rejected++; break;
            case FrameType.OrderbookDelta: counted.Deltas++; break;
            case FrameType.OrderbookSnapshot: counted.Snapshots++; break;
            case FrameType.Trade: counted.Trades++; break;
            case FrameType.Unknown or FrameType.Ticker: counted.Unknown++; break;
            case var _ when FrameTypes.IsLifecycle(type): counted.Lifecycle++; break;
            default: counted.Acks++; break;
        }
    }

    /// <summary>What is wrong with an epoch that is over; null = nothing.</summary>
    public string? Fault()
    {
        if (Told is null)
        {
            return "has rows but is not in kalshid.epochs";
        }

        if (Counted is null)
        {
            return IsCut ? null : "is in kalshid.epochs but has no rows";
        }

        if (IsOutOfOrder || !Counted.IsDense)
        {
            return $"has {Counted.Frames} rows for the numbers {Counted.FirstSeq} to {Counted.LastSeq}{(IsOutOfOrder ? ", and not each follows the one before" : "")}";
        }

        return IsCut || EndedAt == long.MaxValue || Spell(Told) == Spell(Counted) ? null : $"says {Spell(Told)}, its rows say {Spell(Counted)}";
    }

    private static string Spell(Epoch epoch) =>
        $"seq {epoch.FirstSeq} to {epoch.LastSeq}, {epoch.Deltas} deltas, {epoch.Snapshots} snapshots, {epoch.Trades} trades, {epoch.Lifecycle} lifecycle, "
        + $"{epoch.Acks} acks, {epoch.Unknown} unknown, {epoch.Rejected} rejected, {epoch.FromAt} to {epoch.ToAt}";
}
