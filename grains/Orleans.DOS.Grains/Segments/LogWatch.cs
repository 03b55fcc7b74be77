using System.Runtime.CompilerServices;

namespace Orleans.DOS.Segments;

/// <summary>
/// Looks at the node's open logs every few seconds. Who appends learns of a lost replica from its answer; a log to which nobody appends hears nothing,
/// and what is open is nobody's to repair but its owner's. Logs with something under way are looked at more often, all by one timer: one each
/// would be armed and fire with nearly every append to a file that is appended to now and then.
/// </summary>
internal sealed class LogWatch : IDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan TickEvery = TimeSpan.FromMilliseconds(100);

    // Weakly: an owner that was replaced drops its log and closes nothing.
    private readonly ConditionalWeakTable<ReplicatedLog, LogWatch> _logs = [];
    private readonly ITimer _timer, _ticker;
    // Taken inside a log's gate, never around one.
    private readonly Lock _guard = new();
    private List<ReplicatedLog> _busy = [];

    public LogWatch(TimeProvider time)
    {
        _timer = time.CreateTimer(_ => Look(), null, Period, Period);
        _ticker = time.CreateTimer(_ => Tick(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public void Add(ReplicatedLog log) => _logs.Add(log, this);

    public void Remove(ReplicatedLog log) => _logs.Remove(log);

    /// <summary>Calls <see cref="ReplicatedLog.Tick"/> once, within 100 ms.</summary>
    public void TickSoon(ReplicatedLog log)
    {
        lock (_guard)
        {
            if (_busy.Count == 0)
            {
                _ticker.Change(TickEvery, Timeout.InfiniteTimeSpan);
            }
            _busy.Add(log);
        }
    }

    public void Dispose()
    {
        _timer.Dispose();
        _ticker.Dispose();
    }

    private void Tick()
    {
        List<ReplicatedLog> due;
        lock (_guard)
        {
            (due, _busy) = (_busy, []);
        }
        due.ForEach(log => log.Tick());
    }

    private void Look()
    {
        foreach (var (log, _) in _logs)
        {
            log.Look();
        }
    }
}
