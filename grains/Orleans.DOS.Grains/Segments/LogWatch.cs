using System.Runtime.CompilerServices;

namespace Orleans.DOS.Segments;

/// <summary>
/// Looks at the node's open logs every few seconds. Who appends learns of a lost replica from its answer; a log to which nobody appends hears nothing,
/// and what is open is nobody's to repair but its owner's.
/// </summary>
internal sealed class LogWatch : IDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(5);

    // Weakly: an owner that was replaced drops its log and closes nothing.
    private readonly ConditionalWeakTable<ReplicatedLog, LogWatch> _logs = [];
    private readonly ITimer _timer;

    public LogWatch(TimeProvider time) => _timer = time.CreateTimer(_ => Look(), null, Period, Period);

    public void Add(ReplicatedLog log) => _logs.Add(log, this);

    public void Remove(ReplicatedLog log) => _logs.Remove(log);

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        foreach (var (log, _) in _logs)
        {
            log.Look();
        }
    }
}
