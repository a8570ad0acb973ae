using System.Data;
using Kalshi.Daemon.Store;
using Npgsql;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// One connection to a gatherer's store. Every call ends within the timeout and a little, and throws what <see cref="StoreDatabase.IsFailure"/> knows when
/// the database fails; then the session is of no use any more. One call at a time.
/// </summary>
internal sealed class GathererSession : IAsyncDisposable
{
    private readonly NpgsqlConnection _connection;
    private readonly TimeSpan _timeout;
    private readonly CopyRows _facts = new();
    private Task _busy = Task.CompletedTask;

    private GathererSession(NpgsqlConnection connection, TimeSpan timeout)
    {
        _connection = connection;
        _timeout = timeout;
    }

    /// <summary>Throws <see cref="Primitives.SetupException"/> when there is no store, or one of another version.</summary>
    public static Task<GathererSession> OpenAsync(StoreDatabase database, TimeSpan timeout, CancellationToken stop) => Patience.LimitAsync(async cancellation =>
    {
        var connection = await database.OpenAsync(cancellation);
        try
        {
            await StoreReader.CheckVersionAsync(database, connection, Migrations.Gatherer, cancellation);
            await connection.ExecuteAsync(StoreReader.Planning, cancellation);
            return new GathererSession(connection, timeout);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }, timeout, NoAnswer(timeout), stop);

    public Task<StoreFacts> ReadFactsAsync(CancellationToken stop) => AskAsync(ReadFactsOnceAsync, stop);

    /// <summary>Fills the piece with what follows `progress`, and returns the store's facts as of then; without a piece, or when nothing follows, those alone.</summary>
    public Task<(StoreFacts Facts, bool IsRead)> ReadAsync(SourcePiece? piece, SourceProgress progress, CancellationToken stop) =>
        AskAsync(cancellation => ReadOnceAsync(piece, progress, cancellation), stop);

    /// <summary>Tells the store how far its rows are in production.</summary>
    public Task PublishAsync(string cursorName, long position, CancellationToken stop) => AskAsync(async cancellation =>
    {
        await _connection.ExecuteAsync($"select kalshid.publish_cursor({StoreReader.Spell(cursorName)}, {StoreReader.Spell(position)})", cancellation);
        return true;
    }, stop);

    private async Task<(StoreFacts Facts, bool IsRead)> ReadOnceAsync(SourcePiece? piece, SourceProgress progress, CancellationToken cancellation)
    {
        if (piece is null)
        {
            return (await ReadFactsOnceAsync(cancellation), false);
        }

        await using var transaction = await _connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation);
        var facts = await ReadFactsOnceAsync(cancellation);
        if (!progress.HasMore(facts))
        {
            await transaction.RollbackAsync(cancellation);
            return (facts, false);
        }

        await piece.ReadAsync((select, rows) => _connection.CopyAsync(select, rows, cancellation), progress, facts);
        await transaction.RollbackAsync(cancellation);

        // Dropping a partition does not wait for the transaction of who has not read it yet: what went meanwhile shows now.
        var after = await ReadFactsOnceAsync(cancellation);
        if (after.DroppedBefore > piece.After + 1 && after.DroppedBefore > after.FirstAt)
        {
            piece.LostTo = after.DroppedBefore - 1;
        }

        return (after, after.FirstAt == facts.FirstAt && after.Cursor >= facts.Cursor);
    }

    private async Task<StoreFacts> ReadFactsOnceAsync(CancellationToken cancellation)
    {
        await _connection.CopyAsync(StoreFacts.Select, _facts, cancellation);
        return StoreFacts.Read(_facts);
    }

    private Task<T> AskAsync<T>(Func<CancellationToken, Task<T>> work, CancellationToken stop) => Patience.LimitAsync(cancellation =>
    {
        var asking = work(cancellation);
        _busy = asking;
        return asking;
    }, _timeout, NoAnswer(_timeout), stop);

    private static string NoAnswer(TimeSpan timeout) => $"no answer within {timeout.TotalSeconds:0.###} s";

    public async ValueTask DisposeAsync() => await Patience.CloseAsync([(_connection, _busy)]);
}
