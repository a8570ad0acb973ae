using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Dedup;

/// <summary>What the writing of production says of itself. Written by the merge's thread, read by anyone; each value is whole, together they may be a moment apart.</summary>
internal sealed class ProductionCounters
{
    private long _turn;
    private long _watermark;
    private long _turns;
    private long _rows;
    private long _bytes;
    private long _failures;
    private volatile string _state = "starting";

    /// <summary>The last turn that is committed; 0 before the first, as the watermark (µs).</summary>
    public long Turn => Volatile.Read(ref _turn);

    public long Watermark => Volatile.Read(ref _watermark);

    /// <summary>Committed since the start of the process. Rows of all tables; bytes as copied.</summary>
    public long Turns => Volatile.Read(ref _turns);

    public long Rows => Volatile.Read(ref _rows);

    public long Bytes => Volatile.Read(ref _bytes);

    public long Failures => Volatile.Read(ref _failures);

    /// <summary>"writing", or why not.</summary>
    public string State => _state;

    /// <summary>How far production is behind the clock `now`, µs; 0 before the first turn.</summary>
    public long Lag(long now) => Watermark == 0 ? 0 : Math.Max(0, now - Watermark);

    /// <summary>The same in whole seconds.</summary>
    public long LagSeconds(long now) => Lag(now) / Micros.PerSecond;

    public void OnOpened(long turn, long watermark)
    {
        Volatile.Write(ref _turn, turn);
        Volatile.Write(ref _watermark, watermark);
    }

    public void OnState(string state) => _state = state;

    public void OnFailure(string why)
    {
        // First the reason: who sees the failure counted can read it.
        _state = why;
        Volatile.Write(ref _failures, _failures + 1);
    }

    public void OnCommitted(ProductionBatch batch)
    {
        Volatile.Write(ref _rows, _rows + batch.Rows);
        Volatile.Write(ref _bytes, _bytes + batch.Bytes);
        Volatile.Write(ref _turns, _turns + 1);
        OnOpened(batch.Turn, batch.Watermark);
    }
}
