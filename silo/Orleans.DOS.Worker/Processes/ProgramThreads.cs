using System.Collections.Concurrent;

namespace Orleans.DOS.Processes;

/// <summary>
/// Threads for programs: a program may block its own as long as it likes, so the pool's are not for them; but a thread made and thrown away
/// costs more than a small program. One that has become free waits a while for the next program.
/// </summary>
internal static class ProgramThreads
{
    private static readonly TimeSpan IdleMax = TimeSpan.FromSeconds(10);
    /// <summary>Free threads kept.</summary>
    private const int IdleCountMax = 16;

    private static readonly ConcurrentStack<Seat> s_free = new();

    public static void Run(string name, Action work)
    {
        while (s_free.TryPop(out var seat))
        {
            if (seat.TryGive(name, work))
            {
                return;
            }
        }
        new Seat().Begin(name, work);
    }

    private sealed class Seat
    {
        private readonly SemaphoreSlim _given = new(0);
        private readonly Lock _gate = new();
        private (string Name, Action Work)? _next;
        private bool _left;

        public void Begin(string name, Action work)
        {
            _next = (name, work);
            // The flow of whoever starts it stays out; each program gets a context of its own below.
            new Thread(Loop) { IsBackground = true }.UnsafeStart();
        }

        /// <returns>False when the thread has gone.</returns>
        public bool TryGive(string name, Action work)
        {
            lock (_gate)
            {
                if (_left)
                {
                    return false;
                }
                _next = (name, work);
            }
            _given.Release();
            return true;
        }

        private void Loop()
        {
            // What a program leaves in its flow (culture, asynchronous locals) is not there for the next one.
            var clean = ExecutionContext.Capture()!;
            do
            {
                var (name, work) = _next!.Value;
                _next = null;
                Thread.CurrentThread.Name = name;
                ExecutionContext.Run(clean, static run => ((Action)run!)(), work);
                SynchronizationContext.SetSynchronizationContext(null);
                if (s_free.Count >= IdleCountMax)
                {
                    return;
                }
                s_free.Push(this);
            }
            while (_given.Wait(IdleMax) || !Leave());
        }

        /// <returns>False when something was given at the last moment.</returns>
        private bool Leave()
        {
            lock (_gate)
            {
                if (_next is null)
                {
                    return _left = true;
                }
            }
            _given.Wait();
            return false;
        }
    }
}
