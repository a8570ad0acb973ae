namespace Kalshi.Daemon.Books;

internal enum ChannelKind : byte
{
    Unknown,
    Book,

    /// <summary>trade and the lifecycle family: numbered, and covered as a whole when subscribed for all markets.</summary>
    Stream,

    /// <summary>ticker and whatever else: its loss cannot be seen, so it has no coverage.</summary>
    Other,
}

/// <summary>What a reply will need to know of the command it answers.</summary>
/// <param name="UseYesPrice">Of a subscribe; null when the command did not say.</param>
/// <param name="IsGlobal">A subscribe for all markets.</param>
/// <param name="SentAt">received_at of the command's record.</param>
/// <param name="Deleted">Markets of a delete_markets.</param>
internal sealed record PendingCommand(bool? UseYesPrice, bool IsGlobal, long SentAt, int[]? Deleted);

/// <summary>One subscription of a session, as far as a replay has followed it.</summary>
internal sealed class ReplaySid(int number)
{
    public int Number => number;
    public string Channel = "unknown";
    public ChannelKind Kind;
    public bool IsGlobal = true;

    /// <summary>Null until the `subscribed` reply: the session's flag holds till then.</summary>
    public bool? UseYesPrice;

    /// <summary>received_at of the `subscribed` reply; 0 when it was not seen.</summary>
    public long SubscribedAt;

    /// <summary>The run that is open, or null.</summary>
    public Epoch? Epoch;

    /// <summary>Streams covered within <see cref="Epoch"/>, by ticker id (0 for a global channel).</summary>
    public readonly Dictionary<int, Cover> Covers = [];

    public void SetChannel(string channel)
    {
        Channel = channel;
        Kind = channel switch
        {
            "orderbook_delta" => ChannelKind.Book,
            "trade" or "market_lifecycle_v2" or "multivariate_market_lifecycle" => ChannelKind.Stream,
            _ => ChannelKind.Other,
        };
    }
}

/// <summary>One connection, as far as a replay has followed it.</summary>
internal sealed class ReplaySession(int number)
{
    /// <summary>Commands whose reply has not come; the oldest is forgotten beyond this.</summary>
    public const int PendingMax = 65_536;

    public int Number => number;
    public readonly SequenceTracker Sequence = new();
    public readonly Dictionary<long, PendingCommand> Pending = [];

    /// <summary>Of its last orderbook subscribe command; null while there was none.</summary>
    public bool? UseYesPrice;

    private ReplaySid?[] _sids = new ReplaySid?[8];

    public IEnumerable<ReplaySid> Sids => _sids.OfType<ReplaySid>();

    public ReplaySid? Find(int sid) => (uint)sid < (uint)_sids.Length ? _sids[sid] : null;

    /// <summary>`sid` is within 1..<see cref="SequenceTracker.SidMax"/>.</summary>
    public ReplaySid GetOrAdd(int sid)
    {
        if (sid >= _sids.Length)
        {
            Array.Resize(ref _sids, Math.Max(sid + 1, _sids.Length * 2));
        }

        return _sids[sid] ??= new ReplaySid(sid);
    }

    public void Remember(long id, PendingCommand command)
    {
        if (Pending.Count >= PendingMax && !Pending.ContainsKey(id))
        {
            Pending.Remove(Pending.Keys.Min());
        }

        Pending[id] = command;
    }
}
