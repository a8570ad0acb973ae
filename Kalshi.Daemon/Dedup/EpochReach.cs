using Kalshi.Daemon.Books;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// When one gatherer's epochs had their latest rows, of whatever market: up to there their silence about a market means that nothing happened. A
/// connection that is dead without knowing it is silent too. One thread. <b>Bound</b>: the epochs heard of last.
/// </summary>
internal sealed class EpochReach
{
    private const int EpochsMax = 4_096;

    private readonly Dictionary<long, long> _reach = [];
    private long _latestEpoch;
    private long _latest;

    public void OnRow(long epochId, long receivedAt)
    {
        if (epochId != _latestEpoch)
        {
            Turn(epochId);
        }

        _latest = Math.Max(_latest, receivedAt);
    }

    /// <summary>received_at of the epoch's latest row, µs; 0 for one that is not known.</summary>
    public long Of(long epochId) => epochId == _latestEpoch ? _latest : _reach.GetValueOrDefault(epochId);

    public void Write(StateWriter writer)
    {
        Turn(0);
        writer.Write(_reach.Count);
        foreach (var (epochId, receivedAt) in _reach)
        {
            writer.Write(epochId);
            writer.Write(receivedAt);
        }
    }

    public void Read(StateReader reader)
    {
        (_latestEpoch, _latest) = (0, 0);
        _reach.Clear();
        for (var count = reader.ReadInt32(); count > 0; count--)
        {
            _reach[reader.ReadInt64()] = reader.ReadInt64();
        }
    }

    private void Turn(long epochId)
    {
        if (_latestEpoch != 0)
        {
            _reach[_latestEpoch] = _latest;
        }

        if (_reach.Count > EpochsMax)
        {
            Forget();
        }

        (_latestEpoch, _latest) = (epochId, _reach.GetValueOrDefault(epochId));
    }

    /// <summary>Cold: the half that was heard of longest ago.</summary>
    private void Forget()
    {
        foreach (var epoch in _reach.OrderBy(epoch => epoch.Value).Take(EpochsMax / 2).Select(epoch => epoch.Key).ToList())
        {
            _reach.Remove(epoch);
        }
    }
}
