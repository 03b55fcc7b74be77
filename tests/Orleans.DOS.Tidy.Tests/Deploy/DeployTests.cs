using System.Diagnostics;
using System.Net;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Orleans.DOS.Node;
using Orleans.DOS.Server;

namespace Orleans.DOS.Tidy.Tests.Deploy;

/// <summary>What the image and the manifests start is a node that would start: their arguments are read as the node reads them.</summary>
public partial class DeployTests
{
    private static readonly Containerfile Image = new(Checkout.Read("deploy/container/Containerfile"));

    [Theory]
    [InlineData("10.1.2.3", "10.1.2.3")]
    [InlineData("fd00::7", "fd00::7")]
    // Without one of its own choice: the host's.
    [InlineData("", null)]
    public void Image_StartsANode(string listen, string? address)
    {
        var options = Read(StartedWith(listen, Image.Arguments));
        Assert.Equal((7010, 11111, 30000), (options.HttpPort, options.SiloPort, options.GatewayPort));
        Assert.Equal(address ?? options.Listen.ToString(), options.Listen.ToString());
    }

    [Fact]
    public void StatefulSet_StartsANode_UnderTheAddressOfItsPod()
    {
        string[] arguments = [.. ArgumentsOf(Checkout.Read("deploy/kubernetes/base/statefulset.yaml"))];
        Assert.Contains("$(POD_IP)", arguments);
        var values = new Dictionary<string, string> { ["POD_NAME"] = "dos-0", ["POD_IP"] = "10.9.8.7" };
        var options = Read(StartedWith("10.1.2.3", [.. arguments.Select(argument => Variable().Replace(argument, match => values[match.Groups[1].Value]))]));
        Assert.Equal(("dos-0", IPAddress.Parse("10.9.8.7"), 7010), (options.Name, options.Listen, options.HttpPort));
    }

    [Fact]
    public void EveryPort_OfTheImage_IsTheManifests()
    {
        var set = Checkout.Read("deploy/kubernetes/base/statefulset.yaml");
        var services = Checkout.Read("deploy/kubernetes/base/service.yaml");
        foreach (var port in Image.Arguments.Where(argument => int.TryParse(argument, out _)))
        {
            Assert.Contains($"containerPort: {port}", set, StringComparison.Ordinal);
            Assert.Contains($"port: {port}", services, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void EveryPath_ThatTheImageStarts_IsCopiedOrPublished()
    {
        Assert.All(Image.Copied, copied => Assert.True(Path.Exists(Path.Combine(Checkout.Root, copied.From)), copied.From));
        string[] present = [.. Image.Copied.Select(copied => copied.To), .. Image.Published.Select(published => published.To + "/" + ProgramOf(published.Project))];
        string[] needed = [Image.Entry[0], Image.Environment["DOS_NODE"], .. Image.Linked];
        Assert.Empty(needed.Except(present));
        // The worker comes with whatever of the node is published.
        Assert.Contains("Worker.targets", Checkout.Read("silo/Orleans.DOS.Node/Orleans.DOS.Node.csproj"), StringComparison.Ordinal);
        Assert.Matches("Target Name=\"PublishWorker\" AfterTargets=\"Publish\"", Checkout.Read("silo/Orleans.DOS.Worker/Worker.targets"));
    }

    /// <summary>Runs the image's entry with a node that only prints what it was given.</summary>
    private static string[] StartedWith(string listen, string[] arguments)
    {
        var script = Image.Copied.Single(copied => copied.To == Image.Entry[0]).From;
        var start = new ProcessStartInfo("/bin/sh", [Path.Combine(Checkout.Root, script), .. Image.Entry[1..], .. arguments]) { RedirectStandardOutput = true };
        start.Environment["DOS_NODE"] = "/bin/echo";
        start.Environment["DOS_LISTEN"] = listen;
        using var entry = Process.Start(start)!;
        var told = entry.StandardOutput.ReadToEnd();
        entry.WaitForExit();
        Assert.Equal(0, entry.ExitCode);
        return told.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
    }

    private static DosNodeOptions Read(string[] arguments)
    {
        var options = new DosNodeOptions();
        NodeCommandLine.Apply(arguments, options);
        options.Validate();
        return options;
    }

    /// <summary>The list under <c>args:</c>.</summary>
    private static IEnumerable<string> ArgumentsOf(string manifest) => manifest.Split('\n').SkipWhile(line => line.Trim() != "args:").Skip(1)
        .Select(line => ListItem().Match(line)).TakeWhile(match => match.Success).Select(match => match.Groups[1].Value.Trim('"'));

    private static string ProgramOf(string project)
    {
        var file = Assert.Single(Directory.GetFiles(Path.Combine(Checkout.Root, project), "*.csproj"));
        return XDocument.Load(file).Descendants("AssemblyName").FirstOrDefault()?.Value ?? Path.GetFileNameWithoutExtension(file);
    }

    [GeneratedRegex(@"\$\((\w+)\)")]
    private static partial Regex Variable();

    [GeneratedRegex(@"^\s+- (\S+)\s*$")]
    private static partial Regex ListItem();
}
