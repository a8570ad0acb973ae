using Npgsql;

namespace Kalshi.Daemon.Store;

/// <summary>
/// Bounds what a database that does not answer can cost. A command that is cancelled asks the server, over another connection, to cancel
/// it, and waits for that for ever, in the thread that cancels. So: cancelling is done by a thread of its own, and work that does not end
/// then either is left to itself. It ends when the server answers or the connection breaks; it must not commit anything after its
/// cancellation. Thread-safe.
/// </summary>
internal static class Patience
{
    /// <summary>From the cancellation of some work to its being left alone.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(3);

    /// <summary>
    /// Runs the work for at most `limit` and a little. Throws what it throws; <see cref="TimeoutException"/> with the message `late` when the
    /// limit passed; <see cref="OperationCanceledException"/> when `stop` was cancelled.
    /// </summary>
    public static async Task<T> LimitAsync<T>(Func<CancellationToken, Task<T>> work, TimeSpan limit, string late, CancellationToken stop)
    {
        var cancel = new CancellationTokenSource();
        var running = Task.Run(() => work(cancel.Token), CancellationToken.None);
        if (await EndsAsync(running, limit, stop))
        {
            return await running;
        }

        new Thread(cancel.Cancel) { Name = "store cancellation", IsBackground = true }.Start();
        if (await EndsAsync(running, Grace, CancellationToken.None) && running.IsCompletedSuccessfully)
        {
            return await running;
        }

        LeaveAlone(running);
        stop.ThrowIfCancellationRequested();
        throw new TimeoutException(late);
    }

    public static Task LimitAsync(Func<CancellationToken, Task> work, TimeSpan limit, string late, CancellationToken stop) =>
        LimitAsync(async cancellation =>
        {
            await work(cancellation);
            return true;
        }, limit, late, stop);

    /// <summary>Closes connections as far as that goes quickly; one whose `busy` work goes on is closed when that ends.</summary>
    public static async Task CloseAsync(IEnumerable<(NpgsqlConnection Connection, Task Busy)> connections)
    {
        var closing = connections.Select(each => (Task: CloseAsync(each.Connection, each.Busy), each.Busy)).ToArray();
        await EndsAsync(Task.WhenAll(closing.Where(each => each.Busy.IsCompleted).Select(each => each.Task)), Grace, CancellationToken.None);
    }

    private static async Task CloseAsync(NpgsqlConnection connection, Task busy)
    {
        await EndsAsync(busy, Timeout.InfiniteTimeSpan, CancellationToken.None);
        try
        {
            await connection.DisposeAsync();
        }
        catch (Exception e) when (e is NpgsqlException or IOException or InvalidOperationException)
        {
            // It is gone either way.
        }
    }

    /// <summary>Whether the task came to an end, of whatever kind, before the limit and before the stop.</summary>
    private static async Task<bool> EndsAsync(Task task, TimeSpan limit, CancellationToken stop)
    {
        try
        {
            await task.WaitAsync(limit, stop);
        }
        catch (Exception)
        {
            // The task's own, or that of the wait.
        }

        return task.IsCompleted;
    }

    /// <summary>Nobody waits for it any more: what it brings is given back, what it throws is known already.</summary>
    private static async void LeaveAlone<T>(Task<T> task)
    {
        await EndsAsync(task, Timeout.InfiniteTimeSpan, CancellationToken.None);
        if (task.IsCompletedSuccessfully && task.Result is IAsyncDisposable late)
        {
            await late.DisposeAsync();
        }
    }
}
