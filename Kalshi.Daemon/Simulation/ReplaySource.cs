using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Simulation;

/// <summary>
/// Recordings played back: every recorded change with its own stamp and value, on one book sid and one trade sid, `seq`
/// numbered anew. The first recorded snapshot of a market is the state served at subscribe; later ones come in the stream.
/// By default every recording starts at the stream's start, so that their markets interleave; `asRecorded` keeps the
/// distances of their receive times, hours included. Thread: the exchange's. Bound: what fits in memory.
/// </summary>
internal sealed class ReplaySource : IEventSource
{
    private readonly IReadOnlyList<Recording> _recordings;
    private readonly (long Offset, int Recording, int Entry)[] _order;
    private int _next;

    public ReplaySource(IReadOnlyList<Recording> recordings, bool asRecorded = false)
    {
        _recordings = recordings;
        var first = recordings.Min(recording => recording.Entries[0].ReceivedMs);
        _order = [.. recordings.SelectMany((recording, r) => recording.Entries.Skip(recording.HasInitialSnapshot ? 1 : 0)
            .Select((entry, e) => ((entry.ReceivedMs - (asRecorded ? first : recording.Entries[0].ReceivedMs)) * Micros.PerMillisecond, r,
                e + (recording.HasInitialSnapshot ? 1 : 0))))];
        Array.Sort(_order);
        FirstReceivedAt = first * Micros.PerMillisecond;
    }

    /// <summary>Receive time of the earliest recorded message, µs UTC.</summary>
    public long FirstReceivedAt { get; }

    /// <summary>Messages that come in the stream; the initial snapshots are sent at subscribe.</summary>
    public int StreamedCount => _order.Length;

    public long NextAt => _next < _order.Length ? _order[_next].Offset : long.MaxValue;

    public void Populate(SimulatedExchange exchange, long startAt)
    {
        exchange.ExchangeAt = FirstReceivedAt;
        foreach (var recording in _recordings)
        {
            recording.AddTo(exchange);
        }
    }

    public void Begin(SimulatedExchange exchange, long now)
    {
        // Stamps are the recorded ones, whenever the clock starts.
    }

    public bool IsWatched(SimulatedExchange exchange)
    {
        for (var i = 0; i < exchange.Markets.Count; i++)
        {
            if (exchange.Markets[i] is { Status: MarketStatus.Active, BookSubscribers.Length: 0 })
            {
                return false;
            }
        }

        return true;
    }

    public void Burst(double factor, long until)
    {
        // A recording has its own bursts; the speed is an option.
    }

    public void Step(SimulatedExchange exchange)
    {
        var (_, r, e) = _order[_next++];
        var recording = _recordings[r];
        ref readonly var entry = ref recording.Entries[e];
        var market = recording.Market!;
        switch (entry.Kind)
        {
            case RecordedKind.Delta:
                exchange.Delta(market, entry.Side, entry.Price, entry.Quantity, entry.ExchangeAt);
                break;
            case RecordedKind.Trade:
                exchange.Trade(market, new SimulatedTrade(market.Index, entry.ExchangeAt, entry.Id, entry.Price, entry.Quantity, entry.Side == Side.Yes, entry.IsBlock));
                break;
            default:
                var (yes, no) = recording.Snapshots[(int)entry.Quantity];
                market.Status = yes.Length + no.Length == 0 ? MarketStatus.Closed : market.Status;
                exchange.ReplaceBook(market, yes, no, exchange.ExchangeAt);
                break;
        }
    }
}
