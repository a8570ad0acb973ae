using System.Runtime.InteropServices;
using Kalshi.Daemon.Primitives;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon;

/// <summary>
/// SIGTERM, SIGINT, a duration or an idle stream ask for a clean stop; a second signal leaves at once. Thread-safe.
/// </summary>
internal sealed class StopSignal : IDisposable
{
    private static readonly TimeSpan TimerMax = TimeSpan.FromDays(1);

    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _signals;
    private readonly ILogger _log;
    private string? _reason;

    public StopSignal(TimeSpan? duration, ILogger log)
    {
        _log = log;
        _signals = [PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal), PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal)];
        if (duration is { } limit)
        {
            _ = StopAfterAsync(limit);
        }
    }

    public CancellationToken Token => _source.Token;

    public string Reason => _reason ?? "";

    public void Request(string reason)
    {
        if (Interlocked.CompareExchange(ref _reason, reason, null) is null)
        {
            _log.Stopping(reason);
            _source.Cancel();
        }
    }

    public void Dispose()
    {
        Array.ForEach(_signals, signal => signal.Dispose());
        _source.Dispose();
    }

    /// <summary>In steps, because a timer takes 49 days at most.</summary>
    private async Task StopAfterAsync(TimeSpan limit)
    {
        try
        {
            for (var left = limit; left > TimeSpan.Zero; left -= TimerMax)
            {
                await Task.Delay(left < TimerMax ? left : TimerMax, _source.Token);
            }

            Request($"duration of {Units.FormatDuration(limit)} is over");
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // Something else stopped the process first.
        }
    }

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        if (_reason is not null)
        {
            _log.LeavingAtOnce(context.Signal.ToString());
            Environment.Exit(ExitCode.Ok);
        }

        Request(context.Signal.ToString());
    }
}
