using System.Collections.Concurrent;

namespace Orleans.DOS.Segments;

/// <summary>
/// A thread that does blocking disk calls in the order in which they were posted: the grain service's scheduler and the thread pool
/// never wait for a disk. A queue is bounded by the owners' credit windows (<see cref="Limits.FramesInFlightMax"/> a segment).
/// </summary>
internal sealed class DiskThread : IDisposable
{
    private readonly BlockingCollection<Action> _work = [];
    private readonly Thread _thread;

    public DiskThread(string name)
    {
        _thread = new Thread(Run) { IsBackground = true, Name = name };
        _thread.Start();
    }

    public void Post(Action work) => _work.Add(work);

    public Task<T> RunAsync<T>(Func<T> work)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            _work.Add(() =>
            {
                try
                {
                    done.SetResult(work());
                }
                catch (Exception exception)
                {
                    done.SetException(exception);
                }
            });
        }
        catch (InvalidOperationException)
        {
            done.SetException(new DosException(DosErrorCode.Unavailable, "The segment store is closed"));
        }
        return done.Task;
    }

    /// <summary>Ends the thread when what was posted is done.</summary>
    public void Dispose()
    {
        _work.CompleteAdding();
        _thread.Join();
    }

    private void Run()
    {
        foreach (var work in _work.GetConsumingEnumerable())
        {
            work();
        }
    }
}
