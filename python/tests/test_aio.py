"""The client for asyncio, and a real node."""

import asyncio
import signal
import unittest

import kit
from kit import ECHO, LONG

import troupe
from troupe.aio import AsyncClient


class AsyncCase(unittest.IsolatedAsyncioTestCase, kit.NodeCase):
    async def until(self, is_so):
        for _ in range(LONG * 100):
            if await is_so():
                return
            await asyncio.sleep(0.01)
        self.fail("it did not come about")

    async def pending_is(self, client, count):
        async def is_so():
            return (await client.tree())["capabilities"][0]["pending"] == count

        await self.until(is_so)


class Calls(AsyncCase):
    async def asyncSetUp(self):
        self.served = self.node({**ECHO, "workers": {"min": 2, "max": 2}})
        self.client = await AsyncClient(self.served.ipc, timeout=LONG).open()
        self.addAsyncCleanup(self.client.close)

    async def test_replies(self):
        self.assertEqual(await self.client.call("echo", "a text", method="echo"), b"a text")
        self.assertEqual(await self.client.call("echo", ["a", "b"], method="echo"), [b"a", b"b"])

    async def test_how_a_call_stands(self):
        told = []
        await self.client.call("echo", "x", method="echo", on_status=told.append)
        async with self.client.stream("echo", "3 1", method="parts", on_status=told.append) as parts:
            self.assertEqual(len([part async for part in parts]), 3)
        self.assertEqual(told, [troupe.Status("running", 0)] * 2)

    async def test_many_at_a_time(self):
        replies = await asyncio.gather(*(
            self.client.call("echo", str(n), method="echo") for n in range(900)))
        self.assertEqual(replies, [str(n).encode() for n in range(900)])

    async def test_errors(self):
        with self.assertRaises(troupe.WorkerError):
            await self.client.call("echo", "no", method="fail")
        with self.assertRaises(troupe.NoCapability):
            await self.client.call("nothing")
        with self.assertRaises(troupe.Timeout):
            await self.client.call("echo", "60000", method="sleep", timeout=0.05)
        with self.assertRaises(ValueError):
            await self.client.call("echo", priority="urgent")

    async def test_a_stream(self):
        async with self.client.stream("echo", "100 10", method="parts") as stream:
            parts = [part async for part in stream]
            self.assertEqual([len(part) for part in parts], [10] * 100)
            self.assertIsInstance(await stream.result(), bytes)

    async def test_a_stream_that_is_left(self):
        async with self.client.stream("echo", "1000000 10", method="parts", window=4) as stream:
            async for _ in stream:
                break
        with self.assertRaises(troupe.Cancelled):
            await stream.result()
        await self.pending_is(self.client, 0)

    async def test_the_error_of_a_stream(self):
        stream = self.client.stream("nothing")
        with self.assertRaises(troupe.NoCapability):
            async for _ in stream:
                self.fail("a part of nothing")

    async def test_a_task_that_is_cancelled_cancels_its_call(self):
        task = asyncio.create_task(self.client.call("echo", "60000", method="sleep"))
        await self.pending_is(self.client, 1)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        await self.pending_is(self.client, 0)
        self.assertEqual(await self.client.call("echo", "x", method="echo"), b"x")

    async def test_a_task_that_is_cancelled_cancels_its_stream(self):
        async def read():
            async for _ in self.client.stream("echo", "60000", method="sleep"):
                pass

        task = asyncio.create_task(read())
        await self.pending_is(self.client, 1)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        await self.pending_is(self.client, 0)

    async def test_waiting_with_a_bound_cancels_too(self):
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(self.client.call("echo", "60000", method="sleep"), 0.1)
        await self.pending_is(self.client, 0)

    async def test_the_node_itself(self):
        self.assertEqual((await self.client.tree())["node"], "tested")
        self.assertTrue((await self.client.stats())["metrics"])
        events = self.client.events(past=256)
        async for event in events:
            if event["event"] == "node_ready":
                break
        await events.aclose()

    async def test_a_client_that_is_closed(self):
        task = asyncio.create_task(self.client.call("echo", "60000", method="sleep"))
        await self.pending_is(self.client, 1)
        listens = asyncio.create_task(self.client.next_message())
        await asyncio.sleep(0)
        await self.client.close()
        await self.client.close()
        with self.assertRaises(troupe.Cancelled):
            await task
        self.assertIsNone(await listens)
        with self.assertRaises(RuntimeError):
            await self.client.call("echo")
        with self.assertRaises(RuntimeError):
            await self.client.open()


class Actors(AsyncCase):
    async def test_messages_and_questions(self):
        served = self.node(ECHO, {"actor": "room", "worker": {"module": "echo"}}, start=False)
        served.config["listen"] = [{"endpoint": served.ipc, "actors": ["room"]}]
        served.write()
        served.start()
        async with AsyncClient(served.ipc, timeout=LONG, messages=True) as client:
            await client.send("room", "x")
            await client.send("room", "x", confirm=True)
            with self.assertRaises(troupe.Forbidden):
                await client.send("nobody", "x", confirm=True)
            with self.assertRaises(troupe.Forbidden):
                await client.ask("nobody", "x")
            with self.assertRaises(troupe.TooLarge):
                await client.send("room", ["x"] * 65)

    async def test_monitors(self):
        served = self.node(ECHO, {"actor": "room", "worker": {"module": "echo"}}, start=False)
        served.config["listen"] = [{"endpoint": served.ipc, "actors": ["room", "nobody"]}]
        served.write()
        served.start()
        async with AsyncClient(served.ipc, timeout=LONG) as client:
            self.assertEqual(await client.monitor("nobody"), ("nobody", "gone", None, ""))
            with self.assertRaises(troupe.Forbidden):
                await client.monitor("secret")
            taken_back = client.monitor("room")
            taken_back.cancel()
            with self.assertRaises(troupe.Cancelled):
                await taken_back
            monitor = client.monitor("room")
            await client.send("room", "x", confirm=True)
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(monitor.result(), 0.01)
            self.assertFalse(monitor.done())  # who has waited is gone, and it is not
            await client.admin("restart", "room")
            self.assertEqual((await monitor)[:3], ("room", "shutdown", None))
            self.assertEqual((await monitor.result()).reason, "shutdown")
            closed = client.monitor("room")
        with self.assertRaises(troupe.Cancelled):
            await closed
        with self.assertRaises(RuntimeError):
            client.monitor("room")


class Restarts(AsyncCase):
    async def test_what_was_under_way_is_lost_and_new_calls_work(self):
        served = self.node(ECHO)
        async with AsyncClient(served.ipc, timeout=LONG) as client:
            task = asyncio.create_task(client.call("echo", "60000", method="sleep"))
            await self.pending_is(client, 1)
            served.kill(signal.SIGKILL)
            with self.assertRaises(troupe.WorkerLost):
                await task
            served.wait()
            waiting = asyncio.create_task(client.call("echo", "I can wait", method="echo"))
            await asyncio.to_thread(served.start)
            self.assertEqual(await waiting, b"I can wait")

    async def test_a_node_that_hangs_is_given_up(self):
        served = self.node(ECHO)
        async with AsyncClient(served.ipc, timeout=LONG, heartbeat=0.3) as client:
            await client.call("echo", "x", method="echo")
            served.kill(signal.SIGSTOP)
            try:
                with self.assertRaises(troupe.WorkerLost):
                    await client.call("echo", "60000", method="sleep")
            finally:
                served.kill(signal.SIGCONT)
            self.assertEqual(await client.call("echo", "x", method="echo"), b"x")

    async def test_without_a_node_a_call_ends_at_its_deadline(self):
        async with AsyncClient("ipc:///tmp/no-such-node.sock") as client:
            with self.assertRaises(troupe.Timeout):
                await client.call("echo", timeout=0.2)
        async with AsyncClient("nonsense") as client:
            with self.assertRaises(troupe.Timeout):
                await client.call("echo", timeout=0.1)


if __name__ == "__main__":
    unittest.main()
